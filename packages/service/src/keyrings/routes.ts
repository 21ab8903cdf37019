import type { InstanceView } from '@rekey/database'
import {
  type Change,
  changeKeyring,
  discard,
  type Hands,
  type Keyring,
  type KeyringStore,
  type Loop,
  type Material,
  prepare,
  requestRotation,
  rollBack,
  unknownKeyring,
} from '@rekey/keyring'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { ServiceError } from '../error.ts'
import type { App } from '../http/app.ts'
import type { CommonRefusalCode } from '../http/refusal.ts'
import { lineOf } from '../http/text.ts'
import { revokeVersion } from './revoke.ts'
import { shownKeyring } from './schema.ts'
import { type ShownKeyring, showKeyring } from './show.ts'

/** What an instance administers keyrings by. */
export interface Administered {
  store: KeyringStore
  hands: Hands
  loop: Pick<Loop, 'poke'>
  view: Pick<InstanceView, 'everywhere'>
}

/** What may be asked for of a keyring. */
export interface Asked {
  act: 'prepare' | 'rotate' | 'rollback' | 'discard' | 'revoke'
  keyring: string
  /** Which a revocation serves. */
  incident?: string | undefined
}

type Hook = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

/** What differs between services in the administration of keyrings. */
export interface KeyringAdministration {
  /** Without a slash at its end. */
  path: string
  /** Lets in who may look at keyrings. */
  read: Hook
  /** Lets in who may change them. */
  write: Hook
  /** Lets in who may shut a version out. */
  contain: Hook
  /** Who asks, as the audit has it; one of those hooks let him in. */
  actorOf(request: object): string
  /** Refuses, by what it throws, what must not be asked for. */
  before?(asked: Asked): void | Promise<void>
  /** Those that are not kept in the store, as they are shown; whoever has any adds their routes himself. */
  others?(): Promise<ShownKeyring[]>
  /** By which codes `before` does so, for the description of the API. */
  refuses?: Partial<Record<Asked['act'], readonly string[]>>
}

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
export function keyringRoutes(app: App, instance: Administered, administration: KeyringAdministration): void {
  const { store, hands, loop, view } = instance
  const { path, actorOf, before = () => undefined, others = async () => [], refuses = {} } = administration
  const one = `${path}/:name`
  const [read, write, contain] = [administration.read, administration.write, administration.contain]
  const codesOf = (act: Asked['act'], ...codes: CommonRefusalCode[]) => [...codes, ...(refuses[act] ?? [])]
  const aboutBy = (request: object, action: string, details: Change['details']): Change => ({
    action,
    actor: actorOf(request),
    details,
  })

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
  app.get(path, { onRequest: read, schema: list }, async () => ({
    keyrings: [...(await Promise.all((await store.list()).map(show))), ...(await others())],
  }))

  const toShow = {
    tags,
    summary: 'Show a keyring',
    params,
    response: { 200: shownKeyring },
    refuses: ['UNKNOWN_KEYRING'],
  }
  app.get(one, { onRequest: read, schema: toShow }, async (request) => {
    const keyring = await store.load(request.params.name)
    if (!keyring) throw unknownKeyring(request.params.name)
    return show(keyring)
  })

  const toPrepare = {
    tags,
    summary: 'Prepare one more version',
    params,
    response: accepted,
    refuses: codesOf('prepare', 'UNKNOWN_KEYRING', 'TOO_MANY_PREPARED'),
  }
  app.post(`${one}/prepare`, { onRequest: write, schema: toPrepare }, async (request, reply) => {
    const { name } = request.params
    await before({ act: 'prepare', keyring: name })
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
    refuses: codesOf('rotate', 'UNKNOWN_KEYRING', 'ROTATION_UNDER_WAY'),
  }
  app.post(`${one}/rotate`, { onRequest: write, schema: toRotate }, async (request, reply) => {
    const { name } = request.params
    await before({ act: 'rotate', keyring: name })
    const asked = { by: actorOf(request), forced: request.body?.force ?? false, reason: request.body?.reason }
    const about = aboutBy(request, 'keyring.rotation_requested', { forced: asked.forced, reason: asked.reason })
    const requested = await save(name, (keyring, now) => requestRotation(keyring, asked, now), about)
    return reply.code(202).send(await show(requested))
  })

  const toRollBack = {
    tags,
    summary: 'Make the version before active again',
    params,
    response: accepted,
    refuses: codesOf('rollback', 'UNKNOWN_KEYRING', 'ROTATION_UNDER_WAY', 'NOTHING_TO_ROLL_BACK'),
  }
  app.post(`${one}/rollback`, { onRequest: write, schema: toRollBack }, async (request, reply) => {
    const { name } = request.params
    await before({ act: 'rollback', keyring: name })
    return reply.code(202).send(await change(name, rollBack, aboutBy(request, 'keyring.rolled_back', {})))
  })

  const toDiscard = {
    tags,
    summary: 'Give a prepared version up',
    params,
    body: versionBody,
    response: accepted,
    refuses: codesOf('discard', 'UNKNOWN_KEYRING', 'UNKNOWN_VERSION', 'ILLEGAL_TRANSITION'),
  }
  app.post(`${one}/discard`, { onRequest: write, schema: toDiscard }, async (request, reply) => {
    const { name } = request.params
    const { id } = request.body
    await before({ act: 'discard', keyring: name })
    const about = aboutBy(request, 'keyring.discarded', { version: id, reason: request.body.reason })
    return reply.code(202).send(await change(name, (keyring, now) => discard(keyring, id, now), about))
  })

  const toRevoke = {
    tags,
    summary: 'Refuse a version at once, everywhere, for ever',
    params,
    body: revokeBody,
    response: { 200: shownKeyring },
    refuses: codesOf('revoke', 'UNKNOWN_KEYRING', 'UNKNOWN_VERSION', 'ILLEGAL_TRANSITION', 'NO_SUCCESSOR'),
  }
  app.post(`${one}/revoke`, { onRequest: contain, schema: toRevoke }, async (request) => {
    const { name } = request.params
    const { id, ...cause } = request.body
    await before({ act: 'revoke', keyring: name, incident: cause.incident })
    const revoked = await revokeVersion(instance, name, id, cause, actorOf(request))
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
  throw new ServiceError(
    'TOO_MANY_PREPARED',
    `${keyring.name} has ${mostPrepared} prepared versions: discard one first`,
  )
}

type Transition = (keyring: Keyring, now: number) => Keyring
