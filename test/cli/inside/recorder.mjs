/**
 * Loaded before a program that is itself the built one, unchanged: whatever it connects to, looks up, sends to or starts is
 * written to a file, one line each, at the places that everything in Node goes through.
 */
import childProcess from 'node:child_process';
import dgram from 'node:dgram';
import dns from 'node:dns';
import { appendFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

const file = process.env.RECORDED_REACHES;
const tell = (what, detail) => appendFileSync(file, `${JSON.stringify({ what, detail })}\n`);

const around = (object, method, describe) => {
  const inner = object[method];
  object[method] = function (...args) {
    const told = describe(args);
    if (told) tell(...told);
    return inner.apply(this, args);
  };
};

const addressOf = (options) =>
  typeof options.path !== 'string' ? `${options.host ?? 'localhost'}:${options.port}` : `file ${options.path}`;
around(net.Socket.prototype, 'connect', (args) => {
  // Node hands on what it has put in order already, as a list in the first place.
  const [first, second] = Array.isArray(args[0]) ? args[0] : args;
  const options =
    typeof first === 'object' ? first : { port: first, host: typeof second === 'string' ? second : undefined };
  return ['connect', typeof first === 'string' ? `file ${first}` : addressOf(options)];
});
for (const method of ['send', 'connect']) around(dgram.Socket.prototype, method, () => ['datagram', method]);
for (const method of Object.keys(dns).filter((name) => /^(?:lookup|resolve|reverse)/.test(name)))
  for (const names of [dns, dns.promises])
    if (method in names) around(names, method, ([name]) => (net.isIP(name) ? undefined : ['look up', String(name)]));
around(childProcess.ChildProcess.prototype, 'spawn', ([{ args }]) => ['start', args.join(' ')]);
for (const method of ['spawnSync', 'execFileSync', 'execSync'])
  around(childProcess, method, ([program, args]) => [
    'start',
    [program, ...(Array.isArray(args) ? args : [])].join(' '),
  ]);
syncBuiltinESMExports();
tell('begin', process.argv.slice(1).join(' '));
