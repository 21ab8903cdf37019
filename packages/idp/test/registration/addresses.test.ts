import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { requireGoodAddresses } from '../../src/registration/addresses.ts'
import type { GivenMetadata } from '../../src/registration/metadata.ts'

const settings = { outboundAllowed: ['bff:8080', 'intern'] } as unknown as Parameters<typeof requireGoodAddresses>[1]
const judge = (metadata: GivenMetadata) => requireGoodAddresses(metadata, settings)
const good = (metadata: GivenMetadata) => assert.doesNotThrow(() => judge(metadata), JSON.stringify(metadata))
const bad = (metadata: GivenMetadata, code = 'invalid_client_metadata') =>
  assert.throws(() => judge(metadata), { code }, JSON.stringify(metadata))

describe('the addresses of a client', () => {
  test('to which users are sent back are https, or http on a loopback address', () => {
    for (const uri of [
      'https://a.example/cb',
      'https://a.example:8443/cb?x=1',
      'http://localhost:3000/cb',
      'http://127.0.0.1/',
      'http://[::1]:8/',
    ]) {
      good({ redirect_uris: [uri] })
      good({ post_logout_redirect_uris: [uri] })
      good({ redirect_uris: [uri], application_type: 'native' })
    }
    const wrong = [
      'http://a.example/cb',
      'http://localhost.evil.example/',
      'http://127.0.0.2/',
      'https://a.example/#',
      'https://a.example/cb#x',
    ]
    const odd = [
      'https://*.a.example/',
      'https://a.example/*',
      'https://u:p@a.example/',
      'javascript:alert(1)',
      'data:text/html,x',
      '/cb',
      '',
      'com.example.app:/cb',
    ]
    for (const uri of [...wrong, ...odd]) {
      bad({ redirect_uris: ['https://a.example/', uri] }, 'invalid_redirect_uri')
      bad({ post_logout_redirect_uris: [uri] })
    }
  })

  test('that are refused are told by their place, from 1 on', () => {
    assert.throws(() => judge({ redirect_uris: ['https://a.example/', 'http://a.example/'] }), {
      message: 'redirect_uris: number 2 of 2 is not https',
    })
  })

  test('of a native client may have a scheme of its own, named after a domain', () => {
    good({ application_type: 'native', redirect_uris: ['com.example.app:/cb'] })
    for (const uri of ['myapp:/cb', 'javascript:x', 'http://a.example/'])
      bad({ application_type: 'native', redirect_uris: [uri] }, 'invalid_redirect_uri')
  })

  test('that are shown or called are https, but for hosts that the operator named', () => {
    for (const member of [
      'client_uri',
      'logo_uri',
      'policy_uri',
      'tos_uri',
      'initiate_login_uri',
      'jwks_uri',
      'backchannel_logout_uri',
    ] as const) {
      good({ [member]: 'https://a.example/x' })
      for (const uri of ['http://a.example/x', 'https://u@a.example/', 'https://a.example/#x', 'ftp://a.example/', 'x'])
        bad({ [member]: uri })
    }
    for (const member of ['jwks_uri', 'backchannel_logout_uri'] as const) {
      good({ [member]: 'http://bff:8080/x' })
      good({ [member]: 'http://intern:9/x' })
      bad({ [member]: 'http://bff:8081/x' })
    }
    bad({ logo_uri: 'http://bff:8080/x' })
  })

  test('for subjects by pairs are refused', () => bad({ sector_identifier_uri: 'https://a.example/s' }))
})
