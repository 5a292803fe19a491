import * as fs from "fs";

function steps(start: number): number {
    let count = 0;
    for (let n: number = start; n !== 1; count++)
        n = n % 2 ? 3 * n + 1 : n / 2;
    return count;
}

const limit: number = Number(fs.readFileSync(0, "utf8"));
let total: number = 0;
for (let start = 1; start <= limit; start++) {
    console.log(`${start} ${steps(start)}`);
    total += steps(start);
}
console.log(`total ${total}`);
