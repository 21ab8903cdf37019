import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(new URL('./rekey.js', import.meta.url))
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGWINCH', 'SIGCONT']

/**
 * Runs `rekey` again, by the Node that is installed with the workspace, and becomes it as far as this Node can.
 *
 * @param {number} needed the lowest major version that will do
 */
export async function handOver(needed) {
  const binary = findNode(needed)
  const args = [SCRIPT, ...process.argv.slice(2)]
  // From Node 22.15 on the process can be replaced: no parent stays behind, and signals need no forwarding.
  if (typeof process.execve === 'function') process.execve(binary, [binary, ...args], process.env)
  await runBelow(binary, args)
}

function findNode(needed) {
  const require = createRequire(import.meta.url)
  try {
    const manifest = require.resolve('node/package.json')
    const { version } = JSON.parse(readFileSync(manifest, 'utf8'))
    if (Number(version.split('.')[0]) >= needed) return join(dirname(manifest), 'bin', 'node')
    throw new Error(`the installed package "node" is ${version}`)
  } catch (cause) {
    const why = cause.code === 'MODULE_NOT_FOUND' ? 'the package "node" is not installed' : cause.message
    fail(`rekey: needs Node ${needed}, this is ${process.version}, and ${why}. Run "npm ci" in the checkout first.`)
  }
}

// The child leads a process group of its own. A Ctrl-C reaches every process of the terminal's group, and a plain kill
// only this one; nobody can tell which it was. This way the child gets each signal from here, once, in both cases.
// It ends by itself when this process is killed outright: that is what follow-parent.js is for.
async function runBelow(binary, args) {
  const follow = new URL('./follow-parent.js', import.meta.url).href
  const child = spawn(binary, ['--import', follow, ...args], { stdio: 'inherit', detached: true })
  const forward = (signal) => child.kill(signal)
  for (const signal of FORWARDED) process.on(signal, forward)
  const [code, signal] = await new Promise((resolve) => {
    child.once('error', (error) => fail(`rekey: cannot run ${binary}: ${error.message}`))
    child.once('exit', (...ending) => resolve(ending))
  })
  for (const name of FORWARDED) process.off(name, forward)
  // Ended by a signal: so do we, because shells and supervisors tell that from an exit code.
  if (signal !== null) process.kill(process.pid, signal)
  else process.exitCode = code
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
