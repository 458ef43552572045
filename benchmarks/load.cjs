// Drives autocannon (https://github.com/mcollina/autocannon) and prints every response's milliseconds: its own figures are whole ones.
//   node benchmarks/load.cjs '{"url": ..., "body": ..., "connections": ..., "duration": ..., "overallRate": ...}'
const autocannon = require("autocannon");
const { body, ...wanted } = JSON.parse(process.argv[2]);
const headers = { "content-type": "application/json" };
const times = [], statuses = {};
const run = autocannon({ ...wanted, method: "POST", headers, body, timeout: 60 }, (error, result) => {
  if (error) throw error;
  console.log(JSON.stringify({ times, statuses, seconds: result.duration, errors: result.errors + result.timeouts }));
});
run.on("response", (client, status, bytes, ms) => {
  times.push(ms);
  statuses[status] = (statuses[status] || 0) + 1;
});
