import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { findBinaries } from '../../src/embedded/binaries.ts'
import { findPlace } from '../../src/embedded/place.ts'
import { startEmbedded } from '../../src/embedded/start.ts'
import { freePort } from '../../src/testing/port.ts'
import { refused } from '../refused.ts'
import { atEnd, started, temporaryHome } from './home.ts'

test('a taken port is named, together with the variable that moves it', async (t) => {
  const home = await temporaryHome(t)
  const holder = createServer()
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => holder.close())
  const { port } = holder.address() as { port: number }
  const error = await refused(startEmbedded({ home, port }), 'PORT_TAKEN')
  assert.equal(error.facts.port, port)
  assert.match(error.message, new RegExp(`${port}.*REKEY_PORT_BASE`))
  await started(t, home)
})

test('a data folder whose server has a living starter is refused, and that server goes on', async (t) => {
  const home = await temporaryHome(t)
  const first = await started(t, home)
  const error = await refused(startEmbedded({ home, port: await freePort() }), 'DATA_FOLDER_IN_USE')
  assert.deepEqual(error.facts, { pid: first.pid, starter: `${process.pid}` })
  await first.stop()
  assert.deepEqual(await first.exited, { code: 0, signal: null })
})

test('a server that somebody started by hand on the data folder is not ended', async (t) => {
  const home = await temporaryHome(t)
  await (await started(t, home)).stop()
  const place = await findPlace(home)
  const { folder } = await findBinaries(place)
  const { uid, gid } = place.account
  const args = ['-D', place.data, '-c', `port=${await freePort()}`, '-c', 'unix_socket_directories=']
  const byHand = spawn(join(folder, 'bin/postgres'), args, { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'], uid, gid })
  atEnd(t, async () => {
    byHand.kill('SIGINT')
    if (byHand.exitCode === null) await once(byHand, 'exit')
  })
  for await (const line of createInterface({ input: byHand.stderr })) if (/ready to accept/.test(line)) break
  byHand.stderr.resume()

  const error = await refused(startEmbedded({ home, port: await freePort() }), 'DATA_FOLDER_IN_USE')
  assert.deepEqual(error.facts, { pid: byHand.pid, starter: undefined })
  assert.equal(byHand.exitCode, null)
})

test('data of another major version is refused before anything touches it', async (t) => {
  const home = await temporaryHome(t)
  const server = await started(t, home)
  await server.stop()
  await writeFile(join(server.dataFolder, 'PG_VERSION'), '12\n')
  const error = await refused(startEmbedded({ home, port: await freePort() }), 'DATA_FOLDER_INCOMPATIBLE')
  assert.deepEqual(error.facts, { found: '12', expected: '18' })
})

test('a server that does not start is quoted', async (t) => {
  const home = await temporaryHome(t)
  const server = await started(t, home)
  await server.stop()
  await appendFile(join(server.dataFolder, 'postgresql.conf'), 'no_such_setting = 1\n')
  const error = await refused(startEmbedded({ home, port: await freePort() }), 'START_FAILED')
  assert.match(error.message, /unrecognized configuration parameter "no_such_setting"/)
})
