import assert from 'node:assert/strict'
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)
const checkout = join(import.meta.dirname, '..')

// Stands where rekey's main stands: tells which Node it runs on, counts signals, ends as it is told.
const MAIN = `
const [act, value] = process.argv.slice(2)
if (act === 'exit') process.exitCode = Number(value)
if (act === 'die') setImmediate(() => process.kill(process.pid, value as NodeJS.Signals))
if (act === 'echo') process.stdin.pipe(process.stdout)
if (act === 'wait') {
  const alive = setInterval(() => {}, 1000)
  let count = 0
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      count += 1
      if (count > 1) return
      // Long enough for a second copy of the same signal to come in, were there one.
      setTimeout(() => { console.log(JSON.stringify({ name, count })); clearInterval(alive); process.exitCode = 7 }, 300)
    })
  }
}
// Last: whoever reads this line may send a signal at once.
console.log(JSON.stringify({ major: Number(process.versions.node.split('.')[0]), args: process.argv.slice(2) }))
`

interface Told {
  readonly major: number
  readonly args: string[]
}

describe('the executable rekey', { timeout: 60_000 }, () => {
  let root = ''
  let bin = ''

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'rekey-executable-'))
    bin = join(root, 'packages/cli/bin/rekey.js')
    await mkdir(join(root, 'packages/cli/src'), { recursive: true })
    await mkdir(join(root, 'node_modules'))
    await cp(join(checkout, 'packages/cli/bin'), dirname(bin), { recursive: true })
    await writeFile(join(root, 'packages/cli/package.json'), JSON.stringify({ type: 'module' }))
    await writeFile(join(root, 'packages/cli/src/main.ts'), MAIN)
    await symlink(join(checkout, 'node_modules/node'), join(root, 'node_modules/node'))
  })
  after(() => rm(root, { recursive: true, force: true }))

  it('runs at once when its Node is new enough', async () => {
    const { stdout } = await run(process.execPath, [bin, 'a', '--b'])
    assert.deepEqual((JSON.parse(stdout) as Told).args, ['a', '--b'])
  })

  const old = olderNode()
  const skip = old === undefined ? 'NOT TESTED: no Node older than 24 in /usr/bin or /usr/local/bin' : false

  describe('under an older Node', { skip }, () => {
    const start = (...args: string[]) => spawn(String(old), [bin, ...args], { detached: true })

    it('hands over to the installed one, with its arguments', async () => {
      const { stdout } = await run(String(old), [bin, 'a b', '--json'])
      const { major, args } = JSON.parse(stdout) as Told
      assert.deepEqual({ major, args }, { major: 24, args: ['a b', '--json'] })
    })

    it('passes stdin on', async () => {
      const child = start('echo')
      child.stdin?.end('hello from stdin\n')
      const lines = await linesOf(child)
      assert.equal(lines.at(-1), 'hello from stdin')
    })

    it('ends with the same exit code', async () => {
      await assert.rejects(run(String(old), [bin, 'exit', '4']), { code: 4 })
    })

    it('ends by the same signal', async () => {
      await assert.rejects(run(String(old), [bin, 'die', 'SIGTERM']), { signal: 'SIGTERM' })
    })

    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      it(`passes ${signal} on once, and waits for the end`, async () => {
        assert.deepEqual(await signalled((child) => process.kill(Number(child.pid), signal)), { signal, count: 1 })
      })

      it(`does not double ${signal} when the whole process group gets it`, async () => {
        assert.deepEqual(await signalled((child) => process.kill(-Number(child.pid), signal)), { signal, count: 1 })
      })
    }

    it('leaves nothing behind when it is killed outright', { timeout: 20_000 }, async () => {
      const child = start('wait')
      const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
      const told: string[] = []
      lines.on('line', (line) => told.push(line))
      await once(lines, 'line')
      process.kill(Number(child.pid), 'SIGKILL')
      // The pipe closes when the last process that writes to it is gone; until then this waits.
      await once(lines, 'close')
      assert.deepEqual(JSON.parse(told.at(-1) ?? ''), { name: 'SIGTERM', count: 1 })
    })

    it('says what to do when the installed Node is missing', async () => {
      const bare = await mkdtemp(join(tmpdir(), 'rekey-bare-'))
      await cp(dirname(bin), join(bare, 'bin'), { recursive: true })
      await writeFile(join(bare, 'package.json'), JSON.stringify({ type: 'module' }))
      const refused = { code: 1, stderr: /^rekey: needs Node 24, this is v2\d.*npm ci/ }
      await assert.rejects(run(String(old), [join(bare, 'bin/rekey.js')]), refused)
      await rm(bare, { recursive: true })
    })

    it('works by npx from the root of the checkout', {
      skip: !existsSync(join(checkout, 'packages/cli/src/main.ts')),
    }, async () => {
      const env = { ...process.env, PATH: `${dirname(String(old))}:/usr/bin:/bin`, npm_execpath: undefined }
      const { stdout } = await run('npx', ['--no-install', 'rekey', '--help'], { cwd: checkout, env })
      assert.match(stdout, /rotate/)
    })

    async function signalled(send: (child: ChildProcess) => void) {
      const child = start('wait')
      const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
      await once(lines, 'line')
      const ended = once(child, 'exit')
      send(child)
      const [told] = await once(lines, 'line')
      assert.deepEqual(await ended, [7, null])
      const { name, count } = JSON.parse(String(told)) as { name: string; count: number }
      return { signal: name, count }
    }
  })
})

async function linesOf(child: ChildProcess): Promise<string[]> {
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) lines.push(line)
  return lines
}

function olderNode(): string | undefined {
  return ['/usr/bin/node', '/usr/local/bin/node'].find((path) => {
    if (!existsSync(path)) return false
    const major = Number(/^v(\d+)/.exec(execFileSync(path, ['--version'], { encoding: 'utf8' }))?.[1])
    return major >= 20 && major < 24
  })
}
