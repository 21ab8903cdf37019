import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Child, type Part } from '../../src/estate/child.ts'
import { identify } from '../../src/estate/process-identity.ts'
import { untilReady } from '../../src/estate/ready.ts'
import { temporaryFolder } from '../folder.ts'

const looking = { fetch, monotonic: () => performance.now() }
const never = new AbortController().signal

/** A part that runs the given script, and the events of its life: `started` (pid), `died` (how). */
function childOf(script: string): { child: Child; life: EventEmitter; part: Part } {
  const folder = temporaryFolder()
  const entry = join(folder, 'part.mjs')
  writeFileSync(entry, script)
  const env = { PATH: process.env.PATH ?? '' }
  const part = { name: 'part', entry, env, logFile: join(folder, 'part.log'), url: 'http://127.0.0.1:1' }
  const life = new EventEmitter()
  const witness = {
    started: (_part: Part, pid: number) => life.emit('started', pid),
    died: (_part: Part, how: string, restartInMs: number) => life.emit('died', how, restartInMs),
  }
  return { child: new Child(part, witness, () => performance.now()), life, part }
}

test('a part that is kept is started again when it dies, with pauses that grow', async () => {
  const { child, life } = childOf('process.exit(3)')
  const deaths: unknown[] = []
  life.on('died', (how, restartInMs) => deaths.push([how, restartInMs]))
  child.keep()
  child.start()
  while (deaths.length < 2) await once(life, 'died')
  await child.stop(100)
  assert.deepEqual(deaths, [
    ['ended with 3', 250],
    ['ended with 3', 500],
  ])
})

test('a part that is stopped stays stopped, also when it does not listen', async () => {
  const { child, life } = childOf("process.on('SIGTERM', () => {}); process.send('deaf'); setInterval(() => {}, 1000)")
  const started = once(life, 'started')
  child.start()
  const [pid] = await started
  await child.stop(50)
  assert.equal(identify(pid), undefined)
})

test('a part leads its own process group, so that Ctrl-C at the terminal does not reach it', async () => {
  const { child, life } = childOf('setInterval(() => {}, 1000)')
  const started = once(life, 'started')
  child.start()
  const [pid] = await started
  assert.equal(process.kill(-pid, 0), true)
  await child.stop(1000)
})

test('a part that dies before it is ready is an error with the end of its log', async () => {
  const { child, part } = childOf("console.error('the root key is missing'); process.exit(1)")
  child.start()
  await assert.rejects(untilReady(child, looking, never), {
    code: 'START_FAILED',
    message: /part ended with 1, before it was ready.*\n {2}the root key is missing/s,
  })
  await child.stop(100)
  assert.equal(readFileSync(part.logFile, 'utf8'), 'the root key is missing\n')
})

test('what earlier starts wrote to the log is not shown', async () => {
  const { child, part } = childOf("console.error('the port is taken'); process.exit(1)")
  writeFileSync(part.logFile, 'the root key is missing — of yesterday\n')
  child.start()
  await assert.rejects(untilReady(child, looking, never), {
    message: /The end of .*part\.log:\n {2}the port is taken$/,
  })
  assert.match(readFileSync(part.logFile, 'utf8'), /yesterday/)
})

test('a part that dies without a word does not borrow those of an earlier start', async () => {
  const { child, part } = childOf('process.exit(7)')
  writeFileSync(part.logFile, 'the root key is missing\n')
  child.start()
  await assert.rejects(untilReady(child, looking, never), {
    message: `part ended with 7, before it was ready. It wrote nothing to ${part.logFile}.`,
  })
})

test('a log of JSON lines is shown as a person reads it', async () => {
  const line = {
    level: 60,
    msg: 'No root key.',
    code: 'ROOT_KEY',
    err: { message: 'No root key.', cause: { message: 'ENOENT' } },
  }
  const { child } = childOf(`console.log(${JSON.stringify(JSON.stringify(line))}); process.exit(1)`)
  child.start()
  await assert.rejects(untilReady(child, looking, never), { message: /\n {2}No root key\. \(ROOT_KEY\) ENOENT$/ })
})

test('an interruption ends the waiting', async () => {
  const { child } = childOf('setInterval(() => {}, 1000)')
  child.start()
  await assert.rejects(
    untilReady(child, looking, AbortSignal.timeout(50)),
    (error: Error) => error.name === 'AbortError',
  )
  await child.stop(1000)
})
