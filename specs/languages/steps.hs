steps :: Int -> Int
steps = length . takeWhile (/= 1) . iterate next
  where
    next n
      | odd n = 3 * n + 1
      | otherwise = n `div` 2

main :: IO ()
main = do
  limit <- readLn
  mapM_ (\n -> putStrLn (show n ++ " " ++ show (steps n))) [1 .. limit]
  putStrLn ("total " ++ show (sum (map steps [1 .. limit])))
