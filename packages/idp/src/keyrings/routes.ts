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
import { codes } from '../openapi/errors.ts'
import { revokeVersion } from './revoke.ts'
import { shownKeyring } from './schema.ts'
import { type ShownKeyring, showKeyring } from './show.ts'

const tags = ['keyrings']
const accepted = { 202: shownKeyring }
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
  const write = { onRequest: requireScope(instance, 'keyrings:write', { whileFrozen: 'refused' }) }
  const contain = { onRequest: requireScope(instance, 'keyrings:write', { whileFrozen: 'allowed' }) }

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

  const list = { tags, summary: 'List the keyrings', response: { 200: z.object({ keyrings: z.array(shownKeyring) }) } }
  app.get('/api/v1/keyrings', { ...read, schema: list }, async () => ({
    keyrings: await Promise.all((await store.list()).map(show)),
  }))

  const one = {
    tags,
    summary: 'Show a keyring',
    params,
    response: { 200: shownKeyring },
    refuses: codes('UNKNOWN_KEYRING'),
  }
  app.get('/api/v1/keyrings/:name', { ...read, schema: one }, async (request) => {
    const keyring = await store.load(request.params.name)
    if (!keyring) throw unknownKeyring(request.params.name)
    return show(keyring)
  })

  const toPrepare = {
    tags,
    summary: 'Prepare one more version',
    params,
    response: accepted,
    refuses: codes('UNKNOWN_KEYRING', 'TOO_MANY_PREPARED'),
  }
  app.post('/api/v1/keyrings/:name/prepare', { ...write, schema: toPrepare }, async (request, reply) => {
    const { name } = request.params
    const keyring = await store.load(name)
    if (!keyring) throw unknownKeyring(name)
    const material = await hands.make(keyring)
    const about = aboutBy(request, 'keyring.prepared', { version: material.id })
    return reply.code(202).send(await change(name, (current, now) => prepareAnother(current, material, now), about))
  })

  const toRotate = {
    tags,
    summary: 'Ask for a rotation; the loop carries it out',
    params,
    body: rotateBody,
    response: accepted,
    refuses: codes('UNKNOWN_KEYRING', 'ROTATION_UNDER_WAY'),
  }
  app.post('/api/v1/keyrings/:name/rotate', { ...write, schema: toRotate }, async (request, reply) => {
    const asked = { by: request.caller.clientId, forced: request.body?.force ?? false, reason: request.body?.reason }
    const about = aboutBy(request, 'keyring.rotation_requested', { forced: asked.forced, reason: asked.reason })
    const { name } = request.params
    const requested = await save(name, (keyring, now) => requestRotation(keyring, asked, now), about)
    return reply.code(202).send(await show(requested))
  })

  const toRollBack = {
    tags,
    summary: 'Make the version before active again',
    params,
    response: accepted,
    refuses: codes('UNKNOWN_KEYRING', 'ROTATION_UNDER_WAY', 'NOTHING_TO_ROLL_BACK'),
  }
  app.post('/api/v1/keyrings/:name/rollback', { ...write, schema: toRollBack }, async (request, reply) => {
    const shown = await change(request.params.name, rollBack, aboutBy(request, 'keyring.rolled_back', {}))
    return reply.code(202).send(shown)
  })

  const toDiscard = {
    tags,
    summary: 'Give a prepared version up',
    params,
    body: versionBody,
    response: accepted,
    refuses: codes('UNKNOWN_KEYRING', 'UNKNOWN_VERSION', 'ILLEGAL_TRANSITION'),
  }
  app.post('/api/v1/keyrings/:name/discard', { ...write, schema: toDiscard }, async (request, reply) => {
    const { id } = request.body
    const about = aboutBy(request, 'keyring.discarded', { version: id, reason: request.body.reason })
    return reply.code(202).send(await change(request.params.name, (keyring, now) => discard(keyring, id, now), about))
  })

  const toRevoke = {
    tags,
    summary: 'Refuse a version at once, everywhere, for ever',
    params,
    body: revokeBody,
    response: { 200: shownKeyring },
    refuses: codes('UNKNOWN_KEYRING', 'UNKNOWN_VERSION', 'ILLEGAL_TRANSITION', 'NO_SUCCESSOR', 'ADMINISTRATION_FROZEN'),
  }
  app.post('/api/v1/keyrings/:name/revoke', { ...contain, schema: toRevoke }, async (request) => {
    const { id, ...cause } = request.body
    instance.freeze.requireNoneBut(cause.incident)
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
