/** The policies that the documentation gives: each is enough for its use, and nothing in it is superfluous. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { defaultPolicy, newKeyring, prepare, systemClock } from '@rekey/keyring'
import { vaultKeyringStore } from '../../src/keyrings/store.ts'
import { secretSource } from '../../src/sources/open.ts'
import { openVault } from '../../src/vault/open.ts'
import { operate, settingsFor, type Target, targets } from './servers.ts'

type Env = { VAULT_ADDR: string; VAULT_TOKEN: string }

const text = readFileSync(join(import.meta.dirname, '../../../../docs/secrets.md'), 'utf8')
const [reading = '', changing = '', keyrings = ''] = [...text.matchAll(/```hcl\n([^`]*)```/g)].map(
  ([, policy]) => policy,
)

async function read(env: Env): Promise<void> {
  const source = secretSource('vault:secret/rekey/root', env)
  await source.values().finally(() => source.close())
}

async function change(env: Env): Promise<void> {
  const source = secretSource('vault:secret/rekey/root', env)
  try {
    const [old = ''] = await source.values()
    await source.add(randomUUID())
    await source.remove(old)
  } finally {
    source.close()
  }
}

async function keep({ VAULT_TOKEN: token }: Env, target: Target): Promise<void> {
  const vault = openVault(settingsFor({ ...target, token }))
  const errors: unknown[] = []
  const store = vaultKeyringStore(vault, systemClock, { onError: (error) => errors.push(error) })
  const [name, prepared] = [`a${randomUUID()}`, `a${randomUUID()}`]
  // Of two who begin at once one finds that the other has made the path.
  await operate(target, 'POST', `secret/metadata/rekey/keyrings/${prepared}`, { max_versions: 2 })
  try {
    const change = { action: 'keyring.changed', actor: 'ops', details: {} }
    const begin = (named: string) =>
      store.save(undefined, newKeyring(named, 'signing-key', 'ES256', defaultPolicy), change)
    await begin(prepared)
    const saved = (await begin(name)) ?? assert.fail()
    const material = { id: 'one', publicPart: {}, sealedPrivate: 'x' }
    await store.save(saved, prepare(saved, material, systemClock()), change)
    await store.due(0)
  } finally {
    vault.close()
  }
  if (errors.length > 0) throw errors[0]
}

const uses: [string, string, (env: Env, target: Target) => Promise<void>][] = [
  ['reads a root key', reading, read],
  ['replaces a root key', changing, change],
  ['keeps keyrings', keyrings, keep],
]

for (const kind of targets) {
  describe(`a token of ${kind.name}`, { timeout: 60_000 }, () => {
    let target: Target
    before(async () => {
      target = await kind.start()
      // A path of one version, that keeps few: whoever writes there first changes that.
      await operate(target, 'DELETE', 'secret/metadata/rekey/root')
      await operate(target, 'POST', 'secret/data/rekey/root', { data: { encryptionKey: randomUUID() } })
    })
    after(() => target.close())

    async function tokenFor(policy: string): Promise<Env> {
      const name = `rekey-${randomUUID()}`
      await operate(target, 'PUT', `sys/policies/acl/${name}`, { policy })
      const { auth } = (await operate(target, 'POST', 'auth/token/create', { policies: [name], ttl: '60s' })).body
      return { VAULT_ADDR: target.address, VAULT_TOKEN: auth.client_token }
    }

    for (const [what, policy, use] of uses) {
      test(`${what} by the policy that the documentation gives, and by no part of it`, async () => {
        const capabilities = [...policy.matchAll(/"(create|delete|list|read|update)"/g)]
        assert.ok(capabilities.length > 0)
        for (const {
          0: { length },
          index,
        } of capabilities) {
          const less = `${policy.slice(0, index)}"sudo"${policy.slice(index + length)}`
          await operate(target, 'POST', 'secret/metadata/rekey/root', { max_versions: 2 })
          await assert.rejects(use(await tokenFor(less), target), { code: 'VAULT_REFUSED' }, less)
        }
        await use(await tokenFor(policy), target)
      })
    }
  })
}
