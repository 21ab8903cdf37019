/** Every line of AgentIdP's runbook stands in ours, and is somewhere tested by its name. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'

const root = new URL('../../../../', import.meta.url)
const text = readFileSync(new URL('docs/runbooks/agent-identity-provider.md', root), 'utf8')

const idp = 'packages/idp/test'
const clients = `${idp}/runbooks/client-secrets.test.ts`
const keys = `${idp}/runbooks/signing-keys.test.ts`
const encryption = `${idp}/runbooks/encryption-key.test.ts`
const webhooks = `${idp}/runbooks/webhooks.test.ts`
const view = `${idp}/expiry/oidc-keys.test.ts`
const job = `${idp}/expiry/tell.test.ts`

/** Of each line, how the tests of it begin, by the file in which they stand. */
const tested: Readonly<Record<string, readonly (readonly [file: string, name: string])[]>> = {
  '`POST …/credentials/:credentialId/rotate` requires a token with `agents:write`': [
    [clients, 'step 2: the endpoint requires the scope agents:write'],
  ],
  'list the active credentials of the agent': [[clients, 'step 1: the active credentials of the agent are listed']],
  'rotate the credential, with `expiresAt`': [[clients, 'step 2: the credential is rotated to a date']],
  'the new secret is returned once only': [
    [clients, 'key point: the new secret is never shown again'],
    [`${idp}/credentials/idempotency.test.ts`, 'gives a lost reply once more, by every instance'],
  ],
  'the previous secret is invalid immediately': [
    [clients, 'key point: the previous secret is invalid at once, at every instance'],
    [`${idp}/credentials/overlap.test.ts`, 'ends at its time, although nothing writes that down'],
  ],
  'in Vault KV v2 a new version is written': [
    [`${idp}/credentials/vault.test.ts`, 'have the old version destroyed when they are rotated'],
  ],
  'an event `credential.rotated` in the audit chain': [
    [clients, 'key point: the audit chain has an event credential.rotated'],
  ],
  'a webhook `credential.rotated` to all active subscriptions': [
    [webhooks, 'key point: a webhook credential.rotated is sent to all active subscriptions'],
  ],
  'production credentials every 90 days': [[clients, 'production agents every 90 days']],
  'staging and development credentials every 180 days': [
    [clients, 'staging agents every 180 days'],
    [clients, 'development agents every 180 days'],
  ],
  'service accounts every 365 days': [[clients, 'service accounts every 365 days']],
  'credentials involved in an incident immediately': [
    [clients, 'schedule: what an incident touched is revoked and replaced immediately'],
  ],
  '`SecretsRotationJob` runs hourly, for what expires within 7 days': [
    [job, 'tells of a credential that expires within seven days'],
    [job, 'tells of each version once, however often it runs'],
    [`${idp}/expiry/job.test.ts`, 'runs hourly'],
  ],
  'the alert `CredentialExpiryApproaching` fires when any are detected': [
    ['deploy/prometheus/tests/credentials.yml', 'CredentialExpiryApproaching'],
    ['interop/prometheus/alerts.test.ts', 'tells of a credential that expires soon, and when it was rotated'],
  ],
  'rotate what is flagged before it expires': [
    ['packages/cli/test/agents.test.ts', 'a credential that expires soon stands in status with its owner'],
    [`${idp}/expiry/list.test.ts`, 'are listed and counted no more when they are rotated'],
  ],
  'keys are in the table `oidc_keys`, the active one signs new ID tokens': [
    [view, 'shows each key as the API does, and no private half'],
    [`${idp}/oidc/rotation.test.ts`, 'the active key was rotated'],
  ],
  'public keys at `GET /.well-known/jwks.json`': [
    [`${idp}/signing/jwks.test.ts`, 'holds an active and a standby key for each algorithm, and no private member'],
  ],
  'a key that is compromised is replaced': [[keys, 'a key that is compromised is revoked']],
  'signing keys every 90 days': [[keys, 'a scheduled rotation comes every 90 days, by itself']],
  'the algorithm is upgraded from RS256 to ES256': [
    [keys, 'the algorithm is upgraded from RS256 to ES256 by a request'],
    ['packages/cli/test/issue-with.test.ts', 'issue-with shows whom it waits for'],
  ],
  '`ensureCurrentKey()` makes a key where there is none': [
    [keys, 'a key for each algorithm is made at the first start'],
    [`${idp}/instances.test.ts`, 'that start at once on an empty one make one active and one standby key'],
  ],
  '`OIDC_FORCE_KEY_ROTATION=true` forces a rotation': [
    [`${idp}/instances.test.ts`, 'started with OIDC_FORCE_KEY_ROTATION rotate once, and not a key that is young'],
  ],
  '`UPDATE oidc_keys SET active = false WHERE active = true`': [
    [view, 'asks for a rotation of each signing keyring by'],
    [view, 'does nothing while a rotation is under way'],
    [view, 'takes nothing else: which key is active is not for SQL to say'],
    [`${idp}/expiry/oidc-keys-document.test.ts`, 'leaves a document that is as if it had been asked for in JavaScript'],
    [keys, 'the UPDATE of oidc_keys makes the next key sign'],
  ],
  'restart the application': [[keys, 'a rolling restart after the UPDATE is not needed, and costs no token']],
  'old public keys stay in the key set for 24 hours': [
    [keys, 'the old public key stays in the key set'],
    [keys, 'no key is needed for longer than 24 hours: what would need one is refused at start'],
  ],
  'after the grace period they are removed': [
    [keys, 'after the last token that it can have signed the old key leaves the key set'],
  ],
  '`JWKS_CACHE_TTL_SECONDS`': [
    [`${idp}/signing/jwks.test.ts`, 'is cacheable for as long as configured, and answers 304 to its ETag'],
  ],
  'existing tokens continue to work until they expire': [
    [keys, 'the old public key stays in the key set, and tokens that it signed go on working'],
    [`${idp}/keyrings/rotation.test.ts`, 'takes the standby key; tokens of the old one stay good'],
  ],
  'after the grace period old tokens fail': [
    [keys, 'after the last token that it can have signed the old key leaves the key set, and tokens by it are refused'],
  ],
  'generate a new 32-byte key and write it to Vault at `ENCRYPTION_KEY_VAULT_PATH`': [
    [encryption, 'the key is the one that lies in Vault at ENCRYPTION_KEY_VAULT_PATH'],
    [encryption, 'a new key that is written to Vault is taken by every instance'],
  ],
  'restart the application, so that it takes the new key': [
    [encryption, 'a new key that is written to Vault is taken by every instance, none of which is restarted'],
  ],
  'existing rows are re-encrypted on the next read-write cycle': [
    [encryption, 'existing rows are encrypted anew when they are next written'],
    [encryption, 'and the others by the sweep, which counts what is left'],
  ],
  'the encryption key every 365 days, and on demand': [
    [encryption, 'schedule: the encryption key is due after 365 days, and rotated on demand by a request'],
  ],
  "secrets of webhooks by the customer's policy, at once when an endpoint is compromised": [
    [webhooks, 'schedule: the secret of a webhook is rotated when its customer wants it'],
    [webhooks, 'schedule: when the endpoint is compromised, the old secret signs nothing from then on'],
  ],
  'evidence: history of the metric': [
    [`${idp}/expiry/list.test.ts`, 'are counted by environment when metrics are scraped'],
  ],
  'evidence: audit entries by `GET /audit?action=credential.rotated`': [
    [clients, 'key point: the audit chain has an event credential.rotated'],
    [clients, 'evidence: the audit log is queried by its action, and the chain is intact'],
  ],
  'evidence: records of key rotations': [
    [`${idp}/keyrings/rotation.test.ts`, 'leaves an audit event for every change'],
  ],
  'evidence: the runbook with a sign-off': [
    ['packages/cli/test/commands/evidence.test.ts', 'is sealed from a running estate, with each rotation, who did it'],
  ],
}

const [, table = ''] = text.split('\n## Line by line\n')
const lines = [...table.matchAll(/^\| (?!-|AgentIdP)(.*?) \| .* \|$/gm)].map(([, line = '']) => line)

describe("AgentIdP's runbook for the rotation of secrets", () => {
  test('stands in ours line by line, and each line has tests', () => {
    assert.deepEqual(lines, Object.keys(tested))
  })

  for (const [line, tests] of Object.entries(tested)) {
    test(`tests of its line "${line}" are there`, () => {
      assert.ok(tests.length > 0)
      for (const [file, name] of tests) {
        const source = readFileSync(new URL(file, root), 'utf8')
        assert.ok(
          [`'${name}`, `\`${name}`, `"${name}`, `name: ${name}`].some((begin) => source.includes(begin)),
          `${file}: ${name}`,
        )
      }
    })
  }
})
