/** Whatever is added and removed in whatever order: what can be changed reads as a list would. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { secretSource } from '../../src/sources/open.ts'
import type { SecretSource } from '../../src/sources/source.ts'
import { startVault, type VaultServer } from '../vault/server.ts'

type Act = { add: string } | { remove: string }

const value = fc.constantFrom('a1', 'b2', 'c3', 'd4', 'nothex', 'A1')
const acts = fc.array(fc.oneof(fc.record({ add: value }), fc.record({ remove: value })), { maxLength: 12 })
const isSame = (one: string, other: string) => one.toLowerCase() === other.toLowerCase()

/** What a list of secrets makes of it; undefined where it is refused. */
function next(list: readonly string[], act: Act): string[] | undefined {
  if ('add' in act) {
    const place = list.findIndex((known) => isSame(known, act.add))
    return place < 0 ? [act.add, ...list] : place === 0 ? [...list] : undefined
  }
  const left = list.filter((known) => !isSame(known, act.remove))
  return left.length === 0 ? undefined : left
}

async function behavesAsAList(source: SecretSource, all: readonly Act[]): Promise<void> {
  let list = ['first']
  for (const act of all) {
    const expected = next(list, act)
    const acting = 'add' in act ? source.add(act.add) : source.remove(act.remove)
    if (expected) await acting
    else await assert.rejects(acting, { code: 'SOURCE_INVALID' })
    list = expected ?? list
    assert.deepEqual(await source.values(), list)
  }
}

describe('a source that can be changed', { timeout: 60_000 }, () => {
  let folder: string
  let server: VaultServer
  let count = 0
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rekey-model-'))
    server = await startVault()
  })
  after(async () => {
    await server.close()
    await rm(folder, { recursive: true })
  })

  test('is a list, where it is a file', async () => {
    const property = fc.asyncProperty(acts, async (all) => {
      const path = join(folder, String(count++))
      await writeFile(path, 'first')
      await behavesAsAList(secretSource(`file:${path}`, {}), all)
    })
    await fc.assert(property, { numRuns: 30 })
  })

  test('is a list, where it is a path of Vault; no version that holds what was removed is left', async () => {
    const property = fc.asyncProperty(acts, async (all) => {
      const path = `keys-${count++}`
      const source = secretSource(`vault:${path}`, { VAULT_ADDR: server.url, VAULT_TOKEN: server.token })
      await source.add('first')
      await behavesAsAList(source, all)
      const kept = [...server.versions(path).values()].flatMap(({ data }) => (data ? [data] : []))
      assert.equal(kept.length, (await source.values()).length)
      source.close()
    })
    await fc.assert(property, { numRuns: 30 })
  })
})
