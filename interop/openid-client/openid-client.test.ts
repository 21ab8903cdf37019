import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Rekey, startRekey, user, userAgent } from '@rekey/idp/testing'
import * as client from 'openid-client'
import { newClientKey } from '../key.ts'
import { kidOf, loggedOutUri, logIn, redirectUri, type Stage, scope } from './login.ts'
import { options, patch, register, registerKeyed, withKey } from './registered.ts'

const stages: Stage[] = ['before the form', 'form shown', 'logged in', 'before the exchange']

describe('openid-client, against this identity provider', { timeout: 240_000 }, () => {
  let idp: Rekey
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rekey-interop-'))
    const profiles = { asking: { based_on: 'code-flow-pkjwt', scopes: [...scope.split(' '), 'tokens:read'] } }
    const file = join(folder, 'profiles.json')
    await writeFile(file, JSON.stringify({ profiles }))
    idp = await startRekey({ REKEY_CLIENT_PROFILES: file })
  })
  after(async () => {
    await idp?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  it('registers a client that authenticates by its key, and logs a user in by code and PKCE', async () => {
    const config = await registerKeyed(idp, await newClientKey('first'))
    const { tokens, claims } = await logIn(config, userAgent(idp.url))
    const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
    assert.equal(info.preferred_username, user.username)
  })

  it('pushes its authorization request', async () => {
    const config = await registerKeyed(idp, await newClientKey('pushing'))
    const { claims } = await logIn(config, userAgent(idp.url), { isPushed: true })
    assert.equal(claims.aud, config.clientMetadata().client_id)
  })

  it('refreshes, once more where the reply was lost, and a replay of what was gone on from ends the rest', async () => {
    const config = await registerKeyed(idp, await newClientKey('refreshing'))
    const { tokens } = await logIn(config, userAgent(idp.url))
    const first = String(tokens.refresh_token)
    const lost = await client.refreshTokenGrant(config, first)
    const second = String((await client.refreshTokenGrant(config, first)).refresh_token)
    assert.equal(new Set([first, lost.refresh_token, second]).size, 3, 'each reply has a token of its own')
    const third = String((await client.refreshTokenGrant(config, second)).refresh_token)
    await assert.rejects(client.refreshTokenGrant(config, first), isRefused('invalid_grant'))
    await assert.rejects(client.refreshTokenGrant(config, third), isRefused('invalid_grant'))
  })

  it('learns what a token is worth where its profile allows that, and takes it back', async () => {
    const config = await registerKeyed(idp, await newClientKey('asking'), 'asking')
    const { tokens, claims } = await logIn(config, userAgent(idp.url))
    for (const token of [tokens.access_token, String(tokens.refresh_token)]) {
      const { active, sub } = await client.tokenIntrospection(config, token)
      assert.deepEqual({ active, sub }, { active: true, sub: claims.sub })
      await client.tokenRevocation(config, token)
      assert.deepEqual(await client.tokenIntrospection(config, token), { active: false })
    }
    await assert.rejects(client.refreshTokenGrant(config, String(tokens.refresh_token)), isRefused('invalid_grant'))
  })

  for (const [method, authentication] of [
    ['client_secret_basic', client.ClientSecretBasic],
    ['client_secret_post', client.ClientSecretPost],
    ['client_secret_jwt', client.ClientSecretJwt],
  ] as const) {
    it(`registers a client of ${method}, and gets tokens by the secret that it was given`, async () => {
      const config = await register(idp, 'code-flow-secret', { token_endpoint_auth_method: method }, authentication())
      const { tokens } = await logIn(config, userAgent(idp.url))
      assert.ok((await client.refreshTokenGrant(config, String(tokens.refresh_token))).access_token)
    })
  }

  it('registers a client that has no secret, which logs a user in by PKCE alone', async () => {
    const config = await register(idp, 'spa', { token_endpoint_auth_method: 'none' }, client.None())
    const { claims } = await logIn(config, userAgent(idp.url))
    assert.equal(claims.aud, config.clientMetadata().client_id)
  })

  it('logs a user out, who is asked for the password at the next login', async () => {
    const config = await registerKeyed(idp, await newClientKey('leaving'))
    const agent = userAgent(idp.url)
    const { tokens } = await logIn(config, agent)
    const ended = client.buildEndSessionUrl(config, {
      id_token_hint: String(tokens.id_token),
      post_logout_redirect_uri: loggedOutUri,
      state: 'left',
    })
    const left = await agent.submit(await agent.go(ended), '/session/end/confirm', { logout: 'yes' })
    assert.equal(left.url.href, `${loggedOutUri}?state=left`)
    const silently = await agent.go(await silentUrl(config))
    assert.equal(silently.url.searchParams.get('error'), 'login_required')
  })

  for (const stage of stages) {
    it(`a login is completed when the key that signs changes in the midst of it: ${stage}`, async () => {
      const config = await registerKeyed(idp, await newClientKey(`rotated ${stage}`.replaceAll(' ', '-')))
      const keyring =
        config.clientMetadata().id_token_signed_response_alg === 'RS256' ? 'signing-rs256' : 'signing-es256'
      const seen: Stage[] = []
      const { tokens, claims } = await logIn(config, userAgent(idp.url), {
        meanwhile: async (now) => {
          seen.push(now)
          if (now === stage) await idp.rotateSigningKey(keyring)
        },
      })
      assert.deepEqual(seen, stages)
      assert.equal(kidOf(tokens.id_token), await idp.activeKid(keyring))
      await client.fetchUserInfo(config, tokens.access_token, claims.sub)
      assert.ok((await client.refreshTokenGrant(config, String(tokens.refresh_token))).id_token)
    })
  }

  it('the tokens of a login before a rotation are good after it, and its id token is a hint for logging out', async () => {
    const config = await registerKeyed(idp, await newClientKey('before'))
    const agent = userAgent(idp.url)
    const { tokens, claims } = await logIn(config, agent)
    await idp.rotateSigningKey('signing-es256')
    await idp.rotateSigningKey('signing-rs256')
    await client.fetchUserInfo(config, tokens.access_token, claims.sub)
    const refreshed = await client.refreshTokenGrant(config, String(tokens.refresh_token))
    assert.notEqual(kidOf(refreshed.id_token), kidOf(tokens.id_token))
    const ended = client.buildEndSessionUrl(config, {
      id_token_hint: String(tokens.id_token),
      post_logout_redirect_uri: loggedOutUri,
    })
    const left = await agent.submit(await agent.go(ended), '/session/end/confirm', { logout: 'yes' })
    assert.equal(left.url.origin, new URL(loggedOutUri).origin)
  })

  it('a client rotates its own key in the midst of a login, and nothing of it is lost', async () => {
    const [first, second] = [await newClientKey('mine-1'), await newClientKey('mine-2')]
    const config = await registerKeyed(idp, first)
    const other = withKey(config, second)
    const { tokens } = await logIn(config, userAgent(idp.url), {
      meanwhile: async (now) => {
        if (now === 'form shown') await patch(config, { jwks: { keys: [first.publicJwk, second.publicJwk] } })
      },
    })
    const refreshed = await client.refreshTokenGrant(other, String(tokens.refresh_token))
    await patch(config, { jwks: { keys: [second.publicJwk] } })
    await assert.rejects(client.refreshTokenGrant(config, String(refreshed.refresh_token)), { status: 401 })
    assert.ok((await client.refreshTokenGrant(other, String(refreshed.refresh_token))).access_token)
  })

  it('gets a JWT for the APIs where it names them, whose claims say whose it is', async () => {
    const config = await registerKeyed(idp, await newClientKey('for-apis'))
    const resource = 'urn:rekey:api'
    const { tokens, claims } = await logIn(config, userAgent(idp.url), { parameters: { resource } })
    const payload = JSON.parse(Buffer.from(tokens.access_token.split('.')[1] ?? '', 'base64url').toString())
    assert.equal(payload.sub, claims.sub)
    assert.equal(payload.aud, resource)
    assert.equal(payload.client_id, config.clientMetadata().client_id)
    assert.ok(payload.organization_id)
  })

  it('finds the same document at the address of OAuth', async () => {
    const found = await client.discovery(new URL(idp.url), 'nobody', undefined, undefined, {
      ...options,
      algorithm: 'oauth2',
    })
    assert.equal(found.serverMetadata().registration_endpoint, `${idp.url}/api/oidc/register`)
  })
})

async function silentUrl(config: client.Configuration): Promise<URL> {
  return client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid',
    prompt: 'none',
    code_challenge: await client.calculatePKCECodeChallenge(client.randomPKCECodeVerifier()),
    code_challenge_method: 'S256',
  })
}

function isRefused(error: string) {
  return (cause: unknown) => {
    assert.equal((cause as { error?: unknown }).error, error)
    return true
  }
}
