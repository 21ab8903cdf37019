import {
  type Change,
  changeKeyring,
  discard,
  type Keyring,
  type Material,
  prepare,
  requestRotation,
  rollBack,
  unknownKeyring,
} from '@rekey/keyring'
import { z } from 'zod'
import { IdpError } from '../error.ts'
import type { App } from '../http/app.ts'
import { type Authorised, requireScope } from '../http/authorise.ts'
import { lineOf } from '../http/text.ts'
import type { Instance } from '../instance.ts'
import { revokeVersion } from './revoke.ts'
import { type ShownKeyring, showKeyring } from './show.ts'

const params = z.object({ name: lineOf(63) })
const reason = lineOf(500)
const versionBody = z.object({ id: lineOf(200), reason: reason.optional() })
const rotateBody = z.object({ force: z.boolean().default(false), reason: reason.optional() }).nullish()
const revokeBody = z.object({
  id: lineOf(200),
  reason,
  incident: lineOf(100).optional(),
})

/** Administration of keyrings. Requests are asked for here; the loop carries them out. */
export function keyringRoutes(app: App, instance: Instance): void {
  const { store, hands, loop, view } = instance
  const read = { onRequest: requireScope(instance, 'keyrings:read') }
  const write = { onRequest: requireScope(instance, 'keyrings:write') }

  async function show(keyring: Keyring): Promise<ShownKeyring> {
    return showKeyring(keyring, await hands.observe(keyring), await store.now())
  }

  /** Writes a change down and wakes the loop. */
  async function save(name: string, transition: Transition, about: Change): Promise<Keyring> {
    const changed = await changeKeyring(store, name, transition, about)
    loop.poke()
    return changed
  }

  /** Makes a change, and shows it when every live instance has applied it. */
  async function change(name: string, transition: Transition, about: Change): Promise<ShownKeyring> {
    const changed = await save(name, transition, about)
    await view.everywhere(changed.revision)
    return show(changed)
  }

  app.get('/api/v1/keyrings', read, async () => ({ keyrings: await Promise.all((await store.list()).map(show)) }))

  app.get('/api/v1/keyrings/:name', { ...read, schema: { params } }, async (request) => {
    const keyring = await store.load(request.params.name)
    if (!keyring) throw unknownKeyring(request.params.name)
    return show(keyring)
  })

  app.post('/api/v1/keyrings/:name/prepare', { ...write, schema: { params } }, async (request, reply) => {
    const { name } = request.params
    const keyring = await store.load(name)
    if (!keyring) throw unknownKeyring(name)
    const material = await hands.make(keyring)
    const about = aboutBy(request, 'keyring.prepared', { version: material.id })
    return reply.code(202).send(await change(name, (current, now) => prepareAnother(current, material, now), about))
  })

  app.post(
    '/api/v1/keyrings/:name/rotate',
    { ...write, schema: { params, body: rotateBody } },
    async (request, reply) => {
      const asked = { by: request.caller.clientId, forced: request.body?.force ?? false, reason: request.body?.reason }
      const about = aboutBy(request, 'keyring.rotation_requested', { forced: asked.forced, reason: asked.reason })
      const { name } = request.params
      const requested = await save(name, (keyring, now) => requestRotation(keyring, asked, now), about)
      return reply.code(202).send(await show(requested))
    },
  )

  app.post('/api/v1/keyrings/:name/rollback', { ...write, schema: { params } }, async (request, reply) => {
    const shown = await change(request.params.name, rollBack, aboutBy(request, 'keyring.rolled_back', {}))
    return reply.code(202).send(shown)
  })

  app.post(
    '/api/v1/keyrings/:name/discard',
    { ...write, schema: { params, body: versionBody } },
    async (request, reply) => {
      const { id } = request.body
      const about = aboutBy(request, 'keyring.discarded', { version: id, reason: request.body.reason })
      return reply.code(202).send(await change(request.params.name, (keyring, now) => discard(keyring, id, now), about))
    },
  )

  app.post('/api/v1/keyrings/:name/revoke', { ...write, schema: { params, body: revokeBody } }, async (request) => {
    const { id, ...cause } = request.body
    const revoked = await revokeVersion(instance, request.params.name, id, cause, request.caller.clientId)
    loop.poke()
    return show(revoked)
  })
}

/** Each prepared version is published to everybody; more in reserve than this serves nobody. */
const mostPrepared = 4

function prepareAnother(keyring: Keyring, material: Material, now: number): Keyring {
  if (keyring.versions.filter(({ state }) => state === 'prepared').length < mostPrepared) {
    return prepare(keyring, material, now)
  }
  throw new IdpError('TOO_MANY_PREPARED', `${keyring.name} has ${mostPrepared} prepared versions: discard one first`)
}

type Transition = (keyring: Keyring, now: number) => Keyring

function aboutBy(request: Authorised, action: string, details: Change['details']): Change {
  return { action, actor: request.caller.clientId, details }
}
