fn steps(start: u64) -> u64 {
    std::iter::successors(Some(start), |&n| match n {
        1 => None,
        n if n % 2 == 1 => Some(3 * n + 1),
        n => Some(n / 2),
    })
    .count() as u64
        - 1
}

fn main() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let limit: u64 = line.trim().parse().unwrap();
    for start in 1..=limit {
        println!("{} {}", start, steps(start));
    }
    println!("total {}", (1..=limit).map(steps).sum::<u64>());
}
