import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { eventually } from '@rekey/database/testing'
import { configVariables } from '@rekey/idp'
import { operate, startVault, type VaultServer } from '@rekey/secrets/testing'
import { temporaryFolder } from '../folder.ts'
import { RealIdp } from '../real-idp.ts'
import { executable } from '../up.ts'
import { assertAllThere, written } from './written.ts'

const { text, commands, variables } = written('agent-identity-provider.md')

test('every command of the runbook is there', async () => {
  assert.ok(commands.length > 15)
  await assertAllThere(commands)
})

test('every variable of the runbook is one that the identity provider reads', () => {
  assert.deepEqual(
    variables.filter((name) => !configVariables.includes(name)),
    [],
  )
})

describe('the commands of the runbook, as they stand there', { timeout: 120_000 }, () => {
  let idp: RealIdp
  let agent: { agentId: string; clientId: string; clientSecret: string }
  let credentialId: string
  let vault: VaultServer
  const host = temporaryFolder()
  before(async () => {
    vault = await startVault()
    const held = { data: { encryptionKey: randomBytes(32).toString('hex') } }
    await operate({ address: vault.url, token: vault.token }, 'PUT', 'secret/data/agentidp/encryption', held)
    idp = await RealIdp.start({
      VAULT_ADDR: vault.url,
      VAULT_TOKEN: vault.token,
      ENCRYPTION_KEY_VAULT_PATH: 'secret/data/agentidp/encryption',
    })
    agent = await idp.json('agent', 'create', 'crawler', '--env', 'production', '--owner', 'team-search')
    credentialId = (await idp.json('credential', 'list', 'crawler')).credentials[0].credentialId
    mkdirSync(join(host, 'bin'))
    hostCommand('rekey', `"${executable}"`)
    for (const name of ['curl', 'psql', 'openssl', 'vault'])
      hostCommand(name, `"${join(import.meta.dirname, `host/${name}.ts`)}"`)
    hostCommand('kubectl', '-e ""')
  })
  after(async () => {
    await idp.remove()
    await vault.close()
  })

  /** A command of the host that a machine may not have. */
  function hostCommand(name: string, program: string): void {
    const path = join(host, 'bin', name)
    writeFileSync(path, `#!/bin/sh\nexec "${process.execPath}" ${program} "$@"\n`)
    chmodSync(path, 0o755)
  }

  /** Carries out all that stands below a heading, in one shell that ends at the first command that fails. */
  async function carryOut(heading: string): Promise<string> {
    const [, rest = ''] = text.split(`\n## ${heading}\n`)
    const [part = ''] = rest.split('\n## ')
    const blocks = [...part.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block = '']) => block)
    assert.ok(blocks.length > 0)
    // What is to be filled in stands there in capitals.
    const script = blocks.join('\n').replaceAll(/(?<![$\w])(AGENT|CREDENTIAL)\b/g, '"$$$1"')
    const token = (await idp.rekey('token', '--scope', 'agents:read agents:write audit:read')).stdout.trim()
    const env = {
      ...idp.operator,
      PATH: `${join(host, 'bin')}:${process.env.PATH}`,
      REKEY_HOME: host,
      DATABASE_URL: idp.database.ownerUrl,
      VAULT_ADDR: vault.url,
      VAULT_TOKEN: vault.token,
      IDP: idp.url,
      TOKEN: token,
      AGENT: agent.agentId,
      CREDENTIAL: credentialId,
    }
    const { stdout } = await promisify(execFile)('sh', ['-ec', script], { env, cwd: host })
    return stdout
  }

  const active = async (): Promise<string[]> =>
    (await idp.json('status')).keyrings
      .filter(({ name }: { name: string }) => name.startsWith('signing-'))
      .map(
        ({ versions }: { versions: { id: string; state: string }[] }) =>
          versions.find(({ state }) => state === 'active')?.id,
      )

  test('1: a secret is listed, rotated by either way, and revoked after an incident', async () => {
    const told = await carryOut('1. Client secrets of agents')
    const secrets = [...new Set(told.match(/sk_live_[0-9a-f]{64}/g))]
    assert.equal(secrets.length, 2, 'by the command, and by the request')
    for (const clientSecret of [agent.clientSecret, ...secrets]) {
      assert.equal(await idp.token({ clientId: agent.clientId, clientSecret }), 401)
    }
    assert.match(told, /No credential expires soon/)
    const { events } = await idp.json('audit', 'list', '--action', 'credential.rotated')
    assert.equal(events.length, 2)
  })

  test('2: the signing keys are rotated by command, and by the statement in the database', async () => {
    const before = await active()
    const told = await carryOut('2. Signing keys')
    assert.match(told, /^UPDATE 2$/m)
    const { events } = await idp.json('audit', 'list', '--action', 'keyring.rotation_requested')
    assert.equal(events.length, 4)
    const after = await active()
    assert.ok(after.every((id, i) => id !== before[i]))
  })

  test('3: a new key of the columns goes to Vault, and every value is encrypted by it without a restart', async () => {
    const columns = async () => (await idp.json('status')).columns
    const { sealing: before } = await columns()
    const told = await carryOut('3. The key that columns are encrypted by')
    assert.match(told, /^version 2$/m)
    const { sealing, values } = await eventually(columns, (seen) => seen.sealing !== before && seen.left === 0)
    assert.deepEqual([...new Set(values.map(({ version }: { version: string }) => version))], [sealing])
    assert.equal((await idp.json('agent', 'show', 'crawler')).owner, 'team-search')
    const [, written] = [...vault.versions('agentidp/encryption').values()].map(({ data }) => data)
    const { encryptionKey } = written as { encryptionKey: string }
    assert.match(encryptionKey, /^[0-9a-f]{64}\n$/)
    assert.equal(told.includes(encryptionKey.trim()), false, "it is on nobody's screen")
  })
})
