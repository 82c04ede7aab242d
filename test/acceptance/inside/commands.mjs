// The command line, again and again in one process: a message holds the arguments of a call, the answer what it printed
// and its exit code. Each call runs the program itself anew; what it imports is loaded once.
const program = new URL('../../../apps/cli/dist/main.js', import.meta.url);
let calls = 0;

process.on('message', async (args) => {
  calls += 1;
  process.argv = [process.execPath, program.pathname, ...args];
  process.exitCode = 0;
  const write = process.stdout.write;
  let stdout = '';
  process.stdout.write = (text) => {
    stdout += text;
    return true;
  };
  await import(`${program.href}?call=${calls}`);
  process.stdout.write = write;
  process.send({ code: process.exitCode, stdout });
});
