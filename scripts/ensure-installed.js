// Runs before `npm start` and `npm test`: installs the dependencies when they are missing or are not those of the lockfile.
// Plain JavaScript without dependencies, because it runs before there are any, and on the machine's own Node.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const OLDEST_NODE = 20
const PATIENCE_MS = 15 * 60_000
const POLL_MS = 200

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const modules = join(root, 'node_modules')
const lockfile = join(root, 'package-lock.json')
const stamp = join(modules, '.rekey-lock-hash')
// Beside node_modules, not in it: npm ci removes that folder.
const mutex = join(root, '.rekey-install.lock')

await main()

async function main() {
  refuseOldNode()
  if (isInstalled()) return
  await takeMutex()
  // Somebody else may have done it while we waited.
  if (isInstalled()) return
  await install()
  checkNode()
  writeFileSync(stamp, lockHash())
}

function refuseOldNode() {
  const major = Number(process.versions.node.split('.')[0])
  if (major < OLDEST_NODE)
    fail(`this is Node ${process.versions.node}; Node ${OLDEST_NODE} or newer is needed to start npm`)
}

function isInstalled() {
  const hash = lockHash()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return true
  // Somebody ran `npm install` or `npm ci` by hand: believe what npm itself wrote down.
  if (!matchesHiddenLockfile()) return false
  writeFileSync(stamp, hash)
  return true
}

function lockHash() {
  if (!existsSync(lockfile)) fail(`${lockfile} is missing: is this a complete checkout?`)
  return createHash('sha256').update(readFileSync(lockfile)).digest('hex')
}

function matchesHiddenLockfile() {
  const hidden = readPackages(join(modules, '.package-lock.json'))
  if (hidden === undefined) return false
  const wanted = Object.entries(readPackages(lockfile) ?? {}).filter(([path]) => path.startsWith('node_modules/'))
  return wanted.every(([path, { version, integrity, optional, link }]) => {
    const found = hidden[path]
    // Optional packages for other platforms are listed in the lockfile and never installed.
    if (found === undefined) return optional === true
    return found.version === version && found.integrity === integrity && (!link || existsSync(join(root, path)))
  })
}

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    // Cut off by a killed npm: as good as absent, and npm ci writes it anew.
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

async function install() {
  const env = Object.fromEntries(
    // Set when one workspace's script was asked for; npm ci would then install that workspace alone.
    Object.entries(process.env).filter(
      ([name]) => !/^npm_config_(workspaces?|include_workspace_root|omit)$/i.test(name),
    ),
  )
  const command = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm']
  const [program, ...args] = [...command, 'ci', '--include=dev', '--no-audit', '--no-fund']
  process.stderr.write('installing the dependencies (npm ci) …\n')
  // stdout belongs to the script that follows.
  const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 2, 2] })
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
  const [code, signal] = await new Promise((resolve) => {
    child.once('error', (error) => fail(`npm could not be started: ${error.message}`))
    child.once('exit', (...ending) => resolve(ending))
  })
  if (code !== 0) fail(`npm ci failed (${signal ?? `exit code ${code}`}); its messages stand above. Folder: ${root}`)
}

// The package `node` gets its binary by a preinstall script, which `ignore-scripts` in somebody's .npmrc switches off.
function checkNode() {
  const wanted = readPackages(lockfile)?.['node_modules/node']
  if (wanted === undefined || existsSync(join(modules, '.bin', 'node'))) return
  fail(
    'npm ci did not bring node_modules/.bin/node: allow the scripts of the package "node" (ignore-scripts must be off)',
  )
}

async function takeMutex() {
  for (let polls = 0; !tryMutex(); polls += 1) {
    if (polls === 0) process.stderr.write('waiting for another installation to finish …\n')
    if (polls * POLL_MS > PATIENCE_MS) {
      fail(`another installation has been running for too long; if there is none, remove ${mutex}`)
    }
    await wait(POLL_MS)
  }
}

function tryMutex() {
  try {
    writeFileSync(mutex, String(process.pid), { flag: 'wx' })
  } catch (error) {
    if (error.code !== 'EEXIST') fail(`cannot write ${mutex}: ${error.message}`)
    removeIfAbandoned()
    return false
  }
  process.on('exit', () => unlinkSync(mutex))
  return true
}

// Two that find the same dead owner must not both remove the file: the slower one would remove the quicker one's new lock.
// The folder, named after the dead owner, lets one of them act; it looks again before it does.
function removeIfAbandoned() {
  const owner = readOwner()
  if (owner === undefined || isAlive(owner)) return
  const guard = `${mutex}.${owner}`
  try {
    mkdirSync(guard)
  } catch (error) {
    if (error.code === 'EEXIST') return
    throw error
  }
  if (readOwner() === owner) unlinkSync(mutex)
  rmdirSync(guard)
}

function readOwner() {
  try {
    return readFileSync(mutex, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

function isAlive(owner) {
  // Created and not yet written; should its writer have died in that instant, the patience above ends the wait.
  if (!/^\d+$/.test(owner)) return true
  try {
    process.kill(Number(owner), 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function fail(message) {
  process.stderr.write(`error: ${message}\n`)
  process.exit(1)
}
