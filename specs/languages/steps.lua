local total = 0
for start = 1, io.read("n") do
	local n, steps = start, 0
	while n ~= 1 do
		n = n % 2 == 1 and 3 * n + 1 or n // 2
		steps = steps + 1
	end
	print(start .. " " .. steps)
	total = total + steps
end
print("total " .. total)
