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
  /** By which codes `before` does so, for the description of the API. */
  refuses?: Partial<Record<Asked['act'], readonly string[]>>
  /** Those that are not kept in the store, as they are shown; whoever has any adds their routes himself. */
  others?(): Promise<ShownKeyring[]>
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
  const parts: RouteParts = { ...changesOf(instance), instance, administration, one: `${administration.path}/:name` }
  lookRoutes(app, parts)
  versionRoutes(app, parts)
  turnRoutes(app, parts)
  revocationRoute(app, parts)
}

/** What the routes share. */
interface RouteParts extends ReturnType<typeof changesOf> {
  instance: Administered
  administration: KeyringAdministration
  /** The path of one keyring. */
  one: string
}

function changesOf({ store, hands, loop, view }: Administered) {
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

  return { show, save, change }
}

function lookRoutes(app: App, { instance: { store }, administration, one, show }: RouteParts): void {
  const { path, read, others = async () => [] } = administration
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
}

/** Versions in reserve: one more, or one less. */
function versionRoutes(app: App, { instance: { store, hands }, administration, one, change }: RouteParts): void {
  const { write, before = permitted } = administration
  const toPrepare = {
    tags,
    summary: 'Prepare one more version',
    params,
    response: accepted,
    refuses: codesOf(administration, 'prepare', 'UNKNOWN_KEYRING', 'TOO_MANY_PREPARED'),
  }
  app.post(`${one}/prepare`, { onRequest: write, schema: toPrepare }, async (request, reply) => {
    const { name } = request.params
    await before({ act: 'prepare', keyring: name })
    const keyring = await store.load(name)
    if (!keyring) throw unknownKeyring(name)
    const material = await hands.make(keyring)
    const about = aboutBy(administration, request, 'keyring.prepared', { version: material.id })
    return reply.code(202).send(await change(name, (current, now) => prepareAnother(current, material, now), about))
  })

  const toDiscard = {
    tags,
    summary: 'Give a prepared version up',
    params,
    body: versionBody,
    response: accepted,
    refuses: codesOf(administration, 'discard', 'UNKNOWN_KEYRING', 'UNKNOWN_VERSION', 'ILLEGAL_TRANSITION'),
  }
  app.post(`${one}/discard`, { onRequest: write, schema: toDiscard }, async (request, reply) => {
    const { name } = request.params
    const { id } = request.body
    await before({ act: 'discard', keyring: name })
    const about = aboutBy(administration, request, 'keyring.discarded', { version: id, reason: request.body.reason })
    return reply.code(202).send(await change(name, (keyring, now) => discard(keyring, id, now), about))
  })
}

/** From one version to the next, and back. */
function turnRoutes(app: App, { administration, one, show, save, change }: RouteParts): void {
  const { write, actorOf, before = permitted } = administration
  const toRotate = {
    tags,
    summary: 'Ask for a rotation; the loop carries it out',
    params,
    body: rotateBody,
    response: accepted,
    refuses: codesOf(administration, 'rotate', 'UNKNOWN_KEYRING', 'ROTATION_UNDER_WAY'),
  }
  app.post(`${one}/rotate`, { onRequest: write, schema: toRotate }, async (request, reply) => {
    const { name } = request.params
    await before({ act: 'rotate', keyring: name })
    const asked = { by: actorOf(request), forced: request.body?.force ?? false, reason: request.body?.reason }
    const about = aboutBy(administration, request, 'keyring.rotation_requested', {
      forced: asked.forced,
      reason: asked.reason,
    })
    const requested = await save(name, (keyring, now) => requestRotation(keyring, asked, now), about)
    return reply.code(202).send(await show(requested))
  })

  const toRollBack = {
    tags,
    summary: 'Make the version before active again',
    params,
    response: accepted,
    refuses: codesOf(administration, 'rollback', 'UNKNOWN_KEYRING', 'ROTATION_UNDER_WAY', 'NOTHING_TO_ROLL_BACK'),
  }
  app.post(`${one}/rollback`, { onRequest: write, schema: toRollBack }, async (request, reply) => {
    const { name } = request.params
    await before({ act: 'rollback', keyring: name })
    return reply
      .code(202)
      .send(await change(name, rollBack, aboutBy(administration, request, 'keyring.rolled_back', {})))
  })
}

function revocationRoute(app: App, { instance, administration, one, show }: RouteParts): void {
  const { contain, actorOf, before = permitted } = administration
  const toRevoke = {
    tags,
    summary: 'Refuse a version at once, everywhere, for ever',
    params,
    body: revokeBody,
    response: { 200: shownKeyring },
    refuses: codesOf(
      administration,
      'revoke',
      'UNKNOWN_KEYRING',
      'UNKNOWN_VERSION',
      'ILLEGAL_TRANSITION',
      'NO_SUCCESSOR',
    ),
  }
  app.post(`${one}/revoke`, { onRequest: contain, schema: toRevoke }, async (request) => {
    const { name } = request.params
    const { id, ...cause } = request.body
    await before({ act: 'revoke', keyring: name, incident: cause.incident })
    const revoked = await revokeVersion(instance, name, id, cause, actorOf(request))
    instance.loop.poke()
    return show(revoked)
  })
}

const permitted = () => undefined

function codesOf({ refuses = {} }: KeyringAdministration, act: Asked['act'], ...codes: CommonRefusalCode[]): string[] {
  return [...codes, ...(refuses[act] ?? [])]
}

function aboutBy(
  { actorOf }: KeyringAdministration,
  request: object,
  action: string,
  details: Change['details'],
): Change {
  return { action, actor: actorOf(request), details }
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
