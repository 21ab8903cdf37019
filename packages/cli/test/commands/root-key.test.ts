import assert from 'node:assert/strict'
import { test } from 'node:test'
import { playIdp } from '../idp.ts'
import { run } from '../shell.ts'

const sealing = { id: 'bbbbbbbbbbbb', sealing: true, heldByAll: true, sealed: 3 }
const old = { id: 'aaaaaaaaaaaa', sealing: false, heldByAll: true, sealed: 0 }

test('the root keys are listed by their ids, with what each has sealed', async () => {
  const idp = await playIdp({ 'GET /root-keys': { keys: [sealing, { ...old, sealed: 2, heldByAll: false }] } })
  const { stdout, code } = await idp.rekey('root-key', 'list')
  const { stdout: json } = await idp.rekey('root-key', 'list', '--json')
  await idp.close()
  assert.equal(code, 0)
  assert.match(
    stdout,
    /bbbbbbbbbbbb +seals what is new +every instance +3\n +aaaaaaaaaaaa +only opens +not every instance +2/,
  )
  assert.equal(JSON.parse(json).keys.length, 2)
})

test('the root key of an estate elsewhere is changed there, which is said', async () => {
  for (const act of ['add', 'remove-old']) {
    const idp = await playIdp({ 'GET /root-keys': { keys: [sealing, old] } })
    const { code, stderr } = await idp.rekey('root-key', act)
    await idp.close()
    assert.equal(code, 2)
    assert.match(stderr, /openssl rand -hex 32.*on every instance/)
  }
})

test('the root keys of the backend for frontend are listed with --bff, and changed where it runs', async () => {
  const idp = await playIdp({ 'GET /internal/root-keys': { keys: [sealing, old] } })
  const { stdout, code } = await idp.rekey('root-key', 'list', '--bff', idp.url)
  const changes = await Promise.all(['add', 'remove-old'].map((act) => idp.rekey('root-key', act, '--bff', idp.url)))
  await idp.close()
  assert.equal(code, 0)
  assert.match(stdout, /bbbbbbbbbbbb +seals what is new +every instance +3\n/)
  assert.deepEqual(idp.lines(), ['GET /internal/root-keys'])
  for (const { code, stderr } of changes) {
    assert.equal(code, 2)
    assert.match(stderr, /openssl rand -hex 32.*on every instance/)
  }
})

test('a home without an estate has no root key', async () => {
  const { code, stderr } = await run(['root-key', 'remove-old'], { REKEY_HOME: '/nowhere' })
  assert.equal(code, 1)
  assert.match(stderr, /no estate in this home/)
})
