program walk
   implicit none
   integer :: limit, start, n, steps, total = 0

   read *, limit
   do start = 1, limit
      n = start
      steps = 0
      do while (n /= 1)
         if (mod(n, 2) == 1) then
            n = 3 * n + 1
         else
            n = n / 2
         end if
         steps = steps + 1
      end do
      print '(i0, 1x, i0)', start, steps
      total = total + steps
   end do
   print '("total ", i0)', total
end program walk
