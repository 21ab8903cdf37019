import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('./program.ts', import.meta.url))

interface Started {
  child: ChildProcess
  /** Its exit code, or the signal that ended it, and the lines of its log: the last of them may overtake each other. */
  ended: Promise<{ code: number | string; lines: { msg: string; code?: string; cause?: string }[] }>
}

function start(behaviour: string): Started {
  const child = spawn(process.execPath, [program, behaviour], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const { stdout } = child
  assert.ok(stdout)
  const ended = Promise.all([once(child, 'exit'), text(stdout)]).then(([[code, signal], log]) => ({
    code: code ?? signal,
    lines: log
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line)),
  }))
  return { child, ended }
}

describe('the process of a service', { timeout: 60_000 }, () => {
  async function ready(behaviour: string): Promise<Started> {
    const started = start(behaviour)
    const [message] = await once(started.child, 'message')
    assert.deepEqual(message, { type: 'ready' })
    return started
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`tells that it is ready, and ends cleanly by ${signal}`, async () => {
      const { child, ended } = await ready('behaves')
      child.kill(signal)
      const { code, lines } = await ended
      assert.deepEqual([code, lines.map(({ msg }) => msg).sort()], [0, ['ready', 'stopping']])
      assert.ok(lines.some(({ cause }) => cause === signal))
    })
  }

  test('ends when its parent is gone', async () => {
    const { child, ended } = await ready('behaves')
    child.disconnect()
    const { code, lines } = await ended
    assert.deepEqual([code, lines.some(({ cause }) => cause === 'parent is gone')], [0, true])
  })

  test('ends when its parent is gone before it was ready', async () => {
    const { child, ended } = start('takes long')
    await once(child, 'message')
    child.disconnect()
    assert.deepEqual(await ended, { code: 1, lines: [] })
  })

  test('ends although something hangs', async () => {
    const { child, ended } = await ready('hangs')
    child.kill('SIGTERM')
    assert.equal((await ended).code, 1)
  })

  test('says what could not be closed', async () => {
    const { child, ended } = await ready('cannot close')
    child.kill('SIGTERM')
    const { code, lines } = await ended
    assert.deepEqual([code, lines.some(({ msg }) => msg === 'not closed cleanly')], [1, true])
  })

  test('says why it could not be started', async () => {
    const { code, lines } = await start('fails').ended
    assert.deepEqual([code, lines[0]?.code, lines[0]?.msg], [1, 'CONFIG_INVALID', 'there is nothing to start with'])
  })
})
