const limit = Number(require("fs").readFileSync(0, "utf8"));
let total = 0;
for (let start = 1; start <= limit; start++) {
    let steps = 0;
    for (let n = start; n !== 1; steps++)
        n = n % 2 ? 3 * n + 1 : n / 2;
    console.log(start, steps);
    total += steps;
}
console.log("total", total);
