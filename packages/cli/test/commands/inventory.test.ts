import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../src/clock.ts'
import { temporaryFolder } from '../folder.ts'
import { playIdp } from '../idp.ts'
import { RealIdp } from '../real-idp.ts'
import { run } from '../shell.ts'

const folder = temporaryFolder()
const file = join(folder, 'inventory.yaml')
writeFileSync(
  file,
  'secrets:\n  - { name: smtp-relay, kind: password, owner: team-mail, rotatedAt: 2020-01-01, rotateEvery: 90d }\n',
)

describe('rekey inventory', () => {
  let idp: RealIdp
  let env: Record<string, string>
  before(async () => {
    idp = await RealIdp.start({ REKEY_INVENTORY: file })
    const { clientId, clientSecret } = { clientId: 'operator', clientSecret: `sk_live_${'a'.repeat(64)}` }
    env = { REKEY_HOME: folder, REKEY_IDP: idp.url, REKEY_CLIENT_ID: clientId, REKEY_CLIENT_SECRET: clientSecret }
  })
  after(() => idp.remove())
  const rekey = (...words: string[]) => run(words, env, { now: systemClock })

  test('prints every secret, what is overdue before all else, and how many there are', async () => {
    const { code, stdout, stderr } = await rekey('inventory')
    assert.deepEqual([code, stderr], [0, ''])
    const lines = stdout.split('\n')
    assert.match(lines[0] ?? '', /^ {2}NAME +KIND +AGE +NEXT ROTATION +OWNER$/)
    assert.match(lines[1] ?? '', /^ {2}smtp-relay +password +\d+d +OVERDUE for \d+d.* team-mail$/)
    assert.match(stdout, /^ {2}signing-es256 +signing-key +\d+s +in (89d 23h|90d), every 90d +identity provider$/m)
    assert.match(stdout, /^ {2}DATABASE_URL +database-password +\? +unmanaged +identity provider$/m)
    assert.match(stdout, /^\d+ secrets: 1 overdue, \d+ unmanaged\.$/m)
  })

  test('is as wide as the terminal, and shows when each is due there too', async () => {
    const { stdout } = await run(['inventory'], env, { now: systemClock, columns: 80 })
    const lines = stdout.split('\n')
    assert.deepEqual(
      lines.filter((line) => line.length > 80),
      [],
    )
    assert.match(stdout, /^ {2}smtp-relay +password +\d+d +OVERDUE for \d+d/m)
    assert.match(stdout, /^ {2}[0-9a-f]{8}… +client-secret +\d+s +in (89d 23h|90d)/m)
  })

  test('prints one document, of all or of some', async () => {
    const { secrets, totals, problems } = await idp.json('inventory')
    assert.deepEqual([secrets.length, problems], [totals.secrets, []])
    for (const { name, kind, owner, age, nextRotation } of secrets) {
      assert.ok(name && kind && owner && nextRotation && age !== undefined)
    }
    const overdue = await idp.json('inventory', '--overdue')
    assert.deepEqual(
      overdue.secrets.map(({ name }: { name: string }) => name),
      ['smtp-relay'],
    )
    const unmanaged = await idp.json('inventory', '--unmanaged')
    assert.equal(unmanaged.secrets.length, totals.unmanaged)
  })

  test('shows whoever may not see the keyrings what belongs to his organization, and says what is left out', async () => {
    const reader = await idp.json('agent', 'create', 'reader', '--scope', 'agents:read')
    const { code, stdout, stderr } = await idp.rekeyAs(reader, 'inventory')
    assert.equal(code, 0, stderr)
    assert.equal(
      stderr,
      'What belongs to no organization is left out (keyrings, root keys, verifiers, variables, declared secrets): ' +
        'this client may not have keyrings:read.\n',
    )
    assert.match(stdout, /^ {2}[0-9a-f-]+ +client-secret +\d+s +in (89d 23h|90d)/m)
    assert.doesNotMatch(stdout, /signing-es256|DATABASE_URL|smtp-relay/)
    const stranger = await idp.json('agent', 'create', 'stranger')
    const refused = await idp.rekeyAs(stranger, 'inventory')
    assert.deepEqual([refused.code, refused.stdout], [1, ''])
    assert.match(refused.stderr, /scope/)
  })

  test('what is declared and overdue stands in status', async () => {
    const { stdout } = await rekey('status')
    assert.match(stdout, /! smtp-relay, which team-mail owns, should have been rotated: .*REKEY_INVENTORY \(for /)
  })
})

test('rekey inventory tells of a backend for frontend that is away, and shows the rest', async () => {
  const secret = { name: 's', kind: 'k', owner: 'o', management: 'rekey', age: '1d', nextRotation: 'unmanaged' }
  const reply = { secrets: [secret], totals: { secrets: 1, unmanaged: 0, overdue: 0 }, nextCursor: null }
  const idp = await playIdp({ 'GET /inventory?limit=200': reply })
  const { code, stdout, stderr } = await idp.rekey('inventory', '--bff', 'http://localhost:1')
  await idp.close()
  assert.equal(code, 0)
  assert.match(stderr, /^The backend for frontend does not tell of its secrets: /)
  assert.match(stdout, /^1 secret: none overdue, none unmanaged\.$/m)
})
