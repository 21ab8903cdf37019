import assert from 'node:assert/strict'
import { it } from 'node:test'
import { refusal } from '../../src/provider/refusal.ts'

it('a DCR_JWKS_URI that the identity provider refuses is named, with the setting that would allow it', () => {
  const reply = {
    status: 400,
    etag: undefined,
    body: {},
    excerpt: 'invalid_client_metadata: jwks_uri: use an https address',
  }
  assert.match(refusal(reply, 'the registration').message, /DCR_JWKS_URI.*REKEY_OUTBOUND_ALLOW/)
  const other = { ...reply, excerpt: 'redirect_uris: no' }
  assert.doesNotMatch(refusal(other, 'the registration').message, /DCR_JWKS_URI/)
})
