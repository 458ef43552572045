// Drives autocannon (https://github.com/mcollina/autocannon) and prints every response's milliseconds: its own figures are whole ones.
//   node benchmarks/load.cjs '{"url": ..., "body": ..., "connections": ..., "duration": ..., "overallRate": ...}'
// With a rate each connection is an instance of its own, begun a while after the one before: together they would all ask at once.
const autocannon = require("autocannon");
const { body, overallRate, connections, ...wanted } = JSON.parse(process.argv[2]);
const headers = { "content-type": "application/json" };
const times = [], statuses = {};
let errors = 0;
const fire = async (more) => {
  const run = autocannon({ ...wanted, ...more, method: "POST", headers, body, timeout: 60 });
  run.on("response", (client, status, bytes, ms) => {
    times.push(ms);
    statuses[status] = (statuses[status] || 0) + 1;
  });
  const result = await run;
  errors += result.errors + result.timeouts;
};
const spread = async (at) => {
  await new Promise((done) => setTimeout(done, (at * 1000) / overallRate));
  await fire({ connections: 1, connectionRate: overallRate / connections });
};
const all = overallRate ? Array.from({ length: connections }, (_, at) => spread(at)) : [fire({ connections })];
Promise.all(all).then(() => console.log(JSON.stringify({ times, statuses, seconds: wanted.duration, errors })));
