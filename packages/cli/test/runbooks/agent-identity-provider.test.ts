import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { configVariables } from '@rekey/idp'
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
  const host = temporaryFolder()
  before(async () => {
    idp = await RealIdp.start()
    agent = await idp.json('agent', 'create', 'crawler', '--env', 'production', '--owner', 'team-search')
    credentialId = (await idp.json('credential', 'list', 'crawler')).credentials[0].credentialId
    mkdirSync(join(host, 'bin'))
    hostCommand('rekey', `"${executable}"`)
    for (const name of ['curl', 'psql']) hostCommand(name, `"${join(import.meta.dirname, `host/${name}.ts`)}"`)
    hostCommand('kubectl', '-e ""')
  })
  after(() => idp.remove())

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
})
