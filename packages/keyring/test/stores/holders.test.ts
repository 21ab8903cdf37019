import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { newKeyring } from '../../src/lifecycle/keyring.ts'
import { defaultPolicy } from '../../src/policy/signing.ts'
import { holdersOf } from '../../src/stores/holders.ts'
import { startMs } from '../samples.ts'

const keyring = newKeyring('api', 'shared-secret', 'HS256', { ...defaultPolicy, skewMs: 2_000 })

async function folderWith(t: TestContext, files: Record<string, unknown>) {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-holders-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const holders = join(folder, 'api', 'holders')
  await mkdir(holders, { recursive: true })
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(holders, name), typeof content === 'string' ? content : JSON.stringify(content))
  }
  return { folder, names: async () => (await readdir(holders)).sort() }
}

const seen = (instance: string, seenAt: number) => ({ instance, holds: 7, algorithms: ['HS256'], seenAt })

describe('the holders of a keyring in a directory', () => {
  it('are those that were heard of within a lease, with what they hold', async (t) => {
    const { folder } = await folderWith(t, {
      'api-1.json': seen('api-1', startMs),
      'old.json': seen('old', startMs - 17_000),
    })
    const expected = { id: 'api-1', holds: 7, algorithms: ['HS256'], leaseUntil: startMs + 17_000 }
    assert.deepEqual(await holdersOf(folder, keyring, startMs), [expected])
    assert.deepEqual(await holdersOf(folder, keyring, startMs + 16_999), [expected])
    assert.deepEqual(await holdersOf(folder, keyring, startMs + 17_000), [])
  })

  it('are none where nobody ever was', async (t) => {
    const { folder } = await folderWith(t, {})
    assert.deepEqual(await holdersOf(folder, { ...keyring, name: 'other' }, startMs), [])
  })

  it('may not say which algorithms they allow', async (t) => {
    const { algorithms: _unsaid, ...brief } = seen('api-1', startMs)
    const { folder } = await folderWith(t, { 'api-1.json': brief })
    assert.deepEqual((await holdersOf(folder, keyring, startMs))[0]?.algorithms, [])
  })

  it('are not what is being written', async (t) => {
    const { folder } = await folderWith(t, { '.api-1.x.draft': '{"inst', '.api-2.json': '{' })
    assert.deepEqual(await holdersOf(folder, keyring, startMs), [])
  })

  it('are cleared away a day after they were gone', async (t) => {
    const dayMs = 86_400_000
    const { folder, names } = await folderWith(t, {
      'old.json': seen('old', startMs),
      'new.json': seen('new', startMs + 1),
    })
    await holdersOf(folder, keyring, startMs + 17_000 + dayMs)
    assert.deepEqual(await names(), ['new.json', 'old.json'])
    await holdersOf(folder, keyring, startMs + 17_000 + dayMs + 1)
    assert.deepEqual(await names(), ['new.json'])
  })

  it('stop everything when one cannot be understood: it may be alive', async (t) => {
    for (const content of [
      '',
      '{',
      'null',
      '[]',
      { ...seen('a', startMs), holds: '7' },
      { ...seen('a', startMs), seenAt: null },
    ]) {
      const { folder } = await folderWith(t, { 'a.json': content })
      await assert.rejects(holdersOf(folder, keyring, startMs), { code: 'STORE_DAMAGED' })
    }
  })
})
