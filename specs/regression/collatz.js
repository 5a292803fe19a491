const steps = (n) => {
  let count = 0;
  for (; n !== 1; count++) n = n % 2 ? 3 * n + 1 : n / 2;
  return count;
};

const starts = require("fs").readFileSync(0, "utf8").trim().split("\n").map(Number);
for (const start of starts) console.log(`${start}: ${steps(start)}`);
const best = starts.reduce((a, b) => (steps(b) > steps(a) ? b : a));
console.log(`longest from ${best}`);
