import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { after, afterEach, describe, it } from 'node:test'
import { startForeignProvider } from './foreign-provider.ts'
import {
  again,
  copyOf,
  credentialsOf,
  isBelieved,
  newService,
  registrationOf,
  removeServices,
  type Service,
  start,
} from './service.ts'

const uri = 'https://bff.example/auth/callback'
/** What somebody set for the client by hand, of which the service knows nothing. */
const settings = {
  client_name: 'Set by hand',
  contacts: ['security@bff.example'],
  default_max_age: 3_600,
  grant_types: ['authorization_code', 'client_credentials'],
  post_logout_redirect_uris: ['https://bff.example/bye'],
}

for (const rotates of [false, true]) {
  const which = rotates ? 'which gives out another registration access token at each change' : 'which keeps its tokens'
  describe(`a service at somebody else's oidc-provider, ${which}`, { timeout: 60_000 }, () => {
    let foreign: Awaited<ReturnType<typeof startForeignProvider>> | undefined
    afterEach(() => foreign?.stop())
    after(removeServices)

    async function registered(): Promise<Service> {
      foreign = await startForeignProvider(rotates)
      const { url: IDP_BASE_URL, initialAccessToken: DCR_IAT } = foreign
      const service = await newService({ IDP_BASE_URL, DCR_IAT, DCR_REDIRECT_URIS: uri })
      assert.equal((await start(service)).outcome, 'registered')
      return again(service, { DCR_IAT: '' })
    }

    const at = async (service: Service) => `${foreign?.url}/reg/${(await credentialsOf(service)).client_id}`
    const believed = (service: Service) => isBelieved(service, String(foreign?.url), `${foreign?.url}/token`)
    const registration = async (service: Service) => registrationOf(service, await at(service))

    it('registers, and changes nothing at the next start', async () => {
      const service = await registered()
      assert.equal((await start(service)).outcome, 'unchanged')
      assert.equal((await registration(service)).jwks.keys.length, 1)
    })

    it('rotates by a PUT where there is no PATCH, and no setting is lost', async () => {
      const service = await registered()
      await setByHand(await at(service), service)
      const before = await registration(service)
      const old = await copyOf(service)
      const rotating = again(service, { BFF_JWK_ROTATE_AFTER_DAYS: '0' })
      assert.equal((await start(rotating)).outcome, 'rotated')
      assert.ok(
        rotating.traffic.some((line) => /^PUT \S+ 200$/.test(line)),
        rotating.traffic.join('\n'),
      )
      const now = await registration(service)
      assert.deepEqual(withoutKeys(now), withoutKeys(before))
      for (const [member, value] of Object.entries(settings)) assert.deepEqual(now[member], value)
      assert.equal(now.jwks.keys.length, 2)
      assert.deepEqual([await believed(service), await believed(old)], [true, true])
    })

    it('adds a redirect URI, and the one that was there stays', async () => {
      const service = await registered()
      const changes = { DCR_REDIRECT_URIS: 'https://new.example/cb', DCR_ROTATION_SAFE: 'true' }
      assert.equal((await start(again(service, changes))).outcome, 'updated')
      assert.deepEqual((await registration(service)).redirect_uris, [uri, 'https://new.example/cb'])
    })
  })
}

/** As somebody does it in a console of the identity provider. */
async function setByHand(url: string, service: Service): Promise<void> {
  const { client_id, registration_access_token, ...others } = await credentialsOf(service)
  const { jwks, redirect_uris } = await registrationOf(service, url)
  const whole = { client_id, jwks, redirect_uris, token_endpoint_auth_method: 'private_key_jwt', ...settings }
  const reply = await fetch(url, {
    method: 'PUT',
    headers: { authorization: `Bearer ${registration_access_token}`, 'content-type': 'application/json' },
    body: JSON.stringify(whole),
  })
  assert.equal(reply.status, 200)
  const { registration_access_token: token = registration_access_token } = (await reply.json()) as Record<
    string,
    string
  >
  const stored = { client_id, registration_access_token: token, ...others }
  await writeFile(String(service.environment.BFF_CLIENT_CRED_PATH), JSON.stringify(stored))
}

function withoutKeys(registration: object): object {
  const { jwks: _, registration_access_token: __, ...others } = registration as Record<string, unknown>
  return others
}
