import assert from 'node:assert/strict'
import { appendFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { startEmbedded } from '../../src/embedded/start.ts'
import { freePort } from '../../src/testing/server.ts'
import { started, temporaryHome } from './home.ts'

test('a taken port is named, together with the variable that moves it', async (t) => {
  const home = await temporaryHome(t)
  const holder = createServer()
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
  t.after(() => holder.close())
  const { port } = holder.address() as { port: number }
  await assert.rejects(startEmbedded({ home, port }), (error) => {
    assert.partialDeepStrictEqual(error, { name: 'DatabaseError', code: 'PORT_TAKEN', facts: { port } })
    assert.match(String(error), new RegExp(`${port}.*REKEY_PORT_BASE`))
    return true
  })
  await started(t, home)
})

test('a data folder whose server has a living starter is refused, and that server goes on', async (t) => {
  const home = await temporaryHome(t)
  const first = await started(t, home)
  await assert.rejects(startEmbedded({ home, port: await freePort() }), {
    code: 'DATA_FOLDER_IN_USE',
    facts: { pid: first.pid, starter: `${process.pid}` },
  })
  await first.stop()
  assert.deepEqual(await first.exited, { code: 0, signal: null })
})

test('data of another major version is refused before anything touches it', async (t) => {
  const home = await temporaryHome(t)
  const server = await started(t, home)
  await server.stop()
  await writeFile(join(server.dataFolder, 'PG_VERSION'), '12\n')
  await assert.rejects(startEmbedded({ home, port: await freePort() }), {
    code: 'DATA_FOLDER_INCOMPATIBLE',
    facts: { found: '12', expected: '18' },
  })
})

test('a server that does not start is quoted', async (t) => {
  const home = await temporaryHome(t)
  const server = await started(t, home)
  await server.stop()
  await appendFile(join(server.dataFolder, 'postgresql.conf'), 'no_such_setting = 1\n')
  await assert.rejects(startEmbedded({ home, port: await freePort() }), (error) => {
    assert.partialDeepStrictEqual(error, { code: 'START_FAILED' })
    assert.match(String(error), /unrecognized configuration parameter "no_such_setting"/)
    return true
  })
})
