def steps(n)
  count = 0
  until n == 1
    n = n.odd? ? 3 * n + 1 : n / 2
    count += 1
  end
  count
end

all = (1..gets.to_i).map { |start| steps(start) }
all.each.with_index(1) { |count, start| puts "#{start} #{count}" }
puts "total #{all.sum}"
