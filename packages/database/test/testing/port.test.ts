import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { freePort } from '../../src/testing/port.ts'

test('no port is given twice, though nobody listens there yet', async () => {
  const given = await Promise.all(Array.from({ length: 400 }, freePort))
  assert.equal(new Set(given).size, given.length)
})

test('a port that another process was given is free to listen on, and given to nobody until that process ends', async (t) => {
  const source = new URL('../../src/testing/port.ts', import.meta.url)
  const giver = `import { freePort } from ${JSON.stringify(source.href)}
    console.log(await freePort())
    process.stdin.resume()`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', giver], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill())
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  const port = Number(line)

  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  await new Promise((closed) => server.close(closed))
  drawNext(t, port)
  assert.notEqual(await freePort(), port)
  child.kill()
  await once(child, 'exit')
  drawNext(t, port)
  assert.equal(await freePort(), port)
})

/** What is drawn first comes upon this port. */
function drawNext(t: TestContext, port: number): void {
  t.mock.method(Math, 'random', () => (port + 0.5 - 10_000) / 10_000, { times: 1 })
}
