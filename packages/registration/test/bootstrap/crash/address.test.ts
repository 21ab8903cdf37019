import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { publicJwkOf, thumbprintOf } from '../../../src/keys/jwk.ts'
import { environment, stored } from '../../client.ts'
import { type Crashing, crashing } from './crashing.ts'

type Environment = Record<string, string>

/** A start by DCR_JWKS_URI that is killed before each of its acts. */
interface Way {
  readonly what: string
  readonly acts: number
  /** Brings about what the start meets. @returns its environment, which the next one has as well */
  prepare(at: Crashing): Promise<Environment>
  /** Clients that were registered in the end. */
  readonly registrations: number
  /** Kids of the set in the end; the key that was made by this start has none of its own here. */
  readonly kids: readonly string[]
}

const registered = async (at: Crashing) => at.start({ ...at.service.env, DCR_IAT: await at.iat() })
const FIRST = 'bff-sig-001'
const NEW = 'new'

const ways: readonly Way[] = [
  {
    // Next key, set, metadata, request, POST, credentials, its kid, key in place, end of the request.
    what: 'a registration',
    acts: 9,
    prepare: async (at) => ({ ...at.service.env, DCR_IAT: await at.iat() }),
    registrations: 1,
    kids: [FIRST],
  },
  {
    // GET, served set, next key, set, served set, its kid, key in place, credentials, PATCH for the token, credentials.
    what: 'a rotation for which one that was replaced earlier makes room',
    acts: 10,
    async prepare(at) {
      await registered(at)
      await replacedEarlier(at)
      return { ...at.service.env, BFF_JWK_ROTATE_AFTER_DAYS: '0', BFF_JWK_MAX_KEYS: '2' }
    },
    registrations: 1,
    kids: [FIRST, NEW],
  },
  {
    // GET, then as above, but that the set is written once more after the POST: without the keys of the client that is gone.
    what: 'a registration anew after a 404',
    acts: 11,
    async prepare(at) {
      const { clientId } = await registered(at)
      at.modern.instead = ({ method, path }) =>
        method === 'GET' && path.endsWith(`/${clientId}`) ? { status: 404, body: {} } : undefined
      return { ...at.service.env, DCR_IAT: await at.iat() }
    },
    registrations: 2,
    kids: [NEW],
  },
  {
    what: 'the move of an inline registration to the address',
    acts: 5,
    async prepare(at) {
      await at.start({ BFF_JWKS_FILE: at.service.file(), DCR_IAT: await at.iat() })
      return at.service.env
    },
    registrations: 1,
    kids: [FIRST],
  },
]

/** As after an earlier rotation: the key before is published still, and nobody signs with it any more. */
async function replacedEarlier(at: Crashing) {
  const jwk = publicJwkOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
  const [first] = await at.service.written()
  const earlier = { ...jwk, kid: 'bff-sig-000' }
  await writeFile(at.service.file(), JSON.stringify({ keys: [earlier, first] }))
  const used = [earlier, first].map((key) => ({ kid: key?.kid, thumbprint: thumbprintOf(key ?? {}) }))
  await writeFile(`${environment(at.setting).DCR_SIGNING_KEY}.kids`, JSON.stringify(used))
}

async function everythingIsInItsPlace(at: Crashing, { registrations, kids }: Way) {
  assert.equal(at.created(), registrations)
  const metadata = await at.modern.behind.client((await stored(at.setting)).client_id)
  assert.deepEqual([metadata.jwks_uri, metadata.jwks], [at.service.env.DCR_JWKS_URI, undefined])
  const written = await at.service.written()
  assert.ok(await at.holdsKey(written), 'the PEM is not of the set')
  assert.equal(await at.isBelieved(), true)
  const named = written.map(({ kid }) => (kid?.startsWith(`${FIRST}-`) ? NEW : kid))
  assert.deepEqual(named, kids)
  await at.nothingIsLeftBut('jwks.json')
}

describe('a start by DCR_JWKS_URI that is killed', { concurrency: 4 }, () => {
  for (const way of ways) {
    for (let act = 1; act <= way.acts; act++) {
      it(`before act ${act} of ${way.what} is finished by the next one`, async (test) => {
        const at = await crashing(test)
        const env = await way.prepare(at)
        const before = at.created()
        await at.killed(act, env)
        if (before === way.registrations)
          assert.ok(await at.holdsKey(await at.service.written()), 'what signs is not served')
        await at.start(env)
        await everythingIsInItsPlace(at, way)
        assert.equal((await at.start(at.service.env)).outcome, 'unchanged')
      })
    }

    it(`nowhere has done ${way.acts} acts of ${way.what}`, async (test) => {
      const at = await crashing(test)
      assert.equal(await at.acts(await way.prepare(at)), way.acts)
      await everythingIsInItsPlace(at, way)
    })
  }
})
