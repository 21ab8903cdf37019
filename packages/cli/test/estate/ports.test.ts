import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import type { CliError } from '../../src/error.ts'
import { mostBffs, mostIdps, portsOf, requireFree } from '../../src/estate/ports.ts'

test('every part has its place above the base', () => {
  assert.deepEqual(portsOf({}), { bffs: [8000], idps: [8002], database: 8054, apis: [8081, 8082] })
  assert.deepEqual(portsOf({}, { bffs: 0 }).bffs, [])
  assert.deepEqual(portsOf({ REKEY_PORT_BASE: '20000' }, { idps: 3, bffs: 3 }), {
    bffs: [20000, 20010, 20011],
    idps: [20002, 20003, 20004],
    database: 20054,
    apis: [20081, 20082],
  })
})

test('a base that is no port, or leaves no room above it, is wrong use', () => {
  for (const base of ['eight', '-1', '0', '8000.5', '65454', '1e3']) {
    assert.throws(
      () => portsOf({ REKEY_PORT_BASE: base }),
      (error: CliError) => error.code === 'WRONG_USE' && error.message.includes(base),
    )
  }
  assert.equal(portsOf({ REKEY_PORT_BASE: '65453' }).apis[1], 65535)
})

test('a taken port is named with its use and the variable that moves the estate, whichever address holds it', async () => {
  for (const host of ['127.0.0.1', '0.0.0.0']) {
    const server = createServer().listen(0, host)
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    await assert.rejects(requireFree([{ port, use: 'IdP' }]), (error: CliError) => {
      assert.equal(error.code, 'PORT_TAKEN')
      assert.match(error.message, new RegExp(`${port} \\(IdP\\).*REKEY_PORT_BASE`))
      return true
    })
    server.close()
    await once(server, 'close')
    await requireFree([{ port, use: 'IdP' }])
  }
})

test('no two parts have the same place, however many there are', () => {
  const { bffs, idps, database, apis } = portsOf({}, { idps: mostIdps, bffs: mostBffs })
  const all = [...bffs, ...idps, database, ...apis]
  assert.equal(new Set(all).size, all.length)
})
