import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { root } from '../repository.ts'
import { contextOf, left } from './context.ts'

const ignoreFile = readFileSync(join(root, '.dockerignore'), 'utf8')
const context = contextOf(root)

describe('the context of a build', () => {
  const secrets = [
    ...['.env', '.env.local', 'packages/bff/.env', 'packages/bff/.env.production', 'examples/api/.env'],
    ...['keys/bff.pem', 'packages/bff/bff.pem', 'packages/bff/keys/bff.pem', 'packages/bff/keys/bff.pem.next'],
    ...['packages/bff/keys/bff.pem.kids', 'packages/bff/keys/bff_client.json', 'examples/api/server.key'],
    ...['secrets/token-hash-salt', 'deploy/secrets/oidc-client-secret', 'packages/idp/client.secret'],
    ...['.rekey/root.key', 'packages/cli/.rekey/passwords.json', 'id_rsa', 'packages/idp/id_rsa'],
    ...['.git/config', 'packages/idp/certificate.p12', '.npmrc.local', 'notes.txt', 'packages/bff/debug.log'],
  ]
  for (const path of secrets) {
    it(`does not take ${path} in`, () => {
      assert.deepEqual(left(ignoreFile, [path]), [])
    })
  }

  it('has nothing in it but what the processes run by', () => {
    const rest = context.filter(
      (path) =>
        !/^(?:package\.json|package-lock\.json|\.npmrc|LICENSE)$/.test(path) &&
        !/^(?:packages\/[\w-]+|examples\/(?:api|spa))\/(?:package\.json|LICENSE|(?:src|bin|migrations|vectors|web)\/.+)$/.test(
          path,
        ),
    )
    assert.deepEqual(rest, [])
  })

  it('has no private key in any file', () => {
    const key = /-----BEGIN [A-Z ]*PRIVATE KEY-----(?:\\n|\s)+[A-Za-z0-9+/=\\\s]{40,}|"d"\s*:\s*"[\w-]{20,}"/
    const holders = context.filter((path) => key.test(readFileSync(join(root, path), 'utf8')))
    // Attacks on verifiers, which sign them by keys that are good for nothing else.
    assert.deepEqual(
      holders.filter((path) => !path.startsWith('packages/verifier/vectors/')),
      [],
    )
  })

  it('has what the processes need', () => {
    const needed = [
      ...['packages/idp/src/main.ts', 'packages/bff/src/main.ts', 'examples/api/src/main.ts', 'package-lock.json'],
      ...[
        'packages/bff/migrations/0002-provider.sql',
        'packages/registration/src/keys/key.ts',
        'examples/spa/web/index.html',
      ],
    ]
    assert.deepEqual(
      needed.filter((path) => !context.includes(path)),
      [],
    )
  })
})
