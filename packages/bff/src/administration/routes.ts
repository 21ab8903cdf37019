/** What is below /internal: for operators, for services that send links, and for the identity provider in an incident. */
import { type App, type Asked, auditRoutes, keyringRoutes, type Sight } from '@rekey/service'
import type { FastifyRequest } from 'fastify'
import type { Bff } from '../bff.ts'
import { BffError } from '../error.ts'
import { inventoryRoutes } from '../inventory/routes.ts'
import type { OwnName } from '../keyrings/own.ts'
import { linkRoutes } from '../links/routes.ts'
import { adminTokens } from './admin-tokens.ts'
import { clientKeyringsOf, clientRoutes } from './client.ts'
import { instanceRoutes } from './instances.ts'
import { operatorsOf } from './operator.ts'
import { rootKeyRoutes } from './root-keys.ts'
import { sessionRoutes } from './sessions.ts'

/** Nothing that happens here belongs to an organization. */
const everything: Sight = { organization: undefined, withUnowned: true }

/** What operators do, below `/internal`. */
export function administrationRoutes(app: App, bff: Bff): void {
  const { config, log } = bff
  const tokens = adminTokens(config.administration.token, log)
  app.addHook('onClose', () => tokens.close())
  if (!app.hasRequestDecorator('operator')) app.decorateRequest('operator')
  const operator = operatorsOf(bff, tokens)
  const [read, write] = [operator('keyrings:read'), operator('keyrings:write')]
  clientRoutes(app, bff, { read, write })
  keyringRoutes(app, bff, {
    path: '/internal/keyrings',
    ...{ read, write, contain: write },
    actorOf: (request) => (request as Pick<FastifyRequest, 'operator'>).operator.clientId,
    before: (asked) => requireOwn(bff, asked),
    others: () => clientKeyringsOf(bff),
    refuses: { prepare: ['GIVEN_ELSEWHERE'], rotate: ['GIVEN_ELSEWHERE'] },
  })
  instanceRoutes(app, bff, read)
  rootKeyRoutes(app, bff, read)
  inventoryRoutes(app, bff, read)
  auditRoutes(app, bff, { path: '/internal/audit', read: operator('audit:read'), sees: () => everything })
  sessionRoutes(app, bff, operator('incidents:write'))
  linkRoutes(app, bff, operator('links:write'), (request) => request.operator.clientId)
}

/**
 * Secrets that are given from outside are replaced where they are given.
 *
 * @throws BffError `GIVEN_ELSEWHERE`
 */
function requireOwn({ isGiven, config }: Pick<Bff, 'isGiven' | 'config'>, { act, keyring }: Asked): void {
  if ((act !== 'rotate' && act !== 'prepare') || !isGiven(keyring)) return
  const variable = config.secrets[keyring as OwnName]?.name
  throw new BffError(
    'GIVEN_ELSEWHERE',
    `the secrets of ${keyring} are given by ${variable}: put a new one there, before the others, and it takes over`,
  )
}
