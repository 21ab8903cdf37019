/** A single-page application that is served beside the API it calls. */
import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import files from '@fastify/static'
import { type App, ServiceError } from '@rekey/service'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Bff } from '../bff.ts'
import { BffError } from '../error.ts'
import { requirePlainTarget } from '../proxy/paths/plain.ts'
import { pagePolicy } from './headers.ts'

type Serving = { config: { web: Bff['config']['web'] }; provider: Pick<Bff['provider'], 'issuer'> }

/** Paths of programs: what is not there is not there, whoever asks. */
const apiPaths = /^(auth|api|internal|\.well-known|healthz|readyz|health|metrics)(\/|$)/

/** Build tools put a hash of the content into the names of what they place there. */
const hashed = /^(.*\/)?(assets|static)\/(.*\/)?[\w.-]*[-.](?=[\w-]*[\dA-Z])[\w-]{8,}\.\w+$/

/**
 * Serves the folder that is configured, if one is. Whatever navigates to a path that is no file gets `index.html`.
 *
 * @throws BffError `CONFIG_INVALID` when there is no `index.html`
 */
export async function webRoutes(app: App, { config, provider }: Serving): Promise<void> {
  if (config.web.folder === undefined) return
  const folder = resolve(config.web.folder)
  if (!(await isFile(join(folder, 'index.html')))) {
    throw new BffError('CONFIG_INVALID', `REKEY_BFF_WEB: no index.html in ${folder}`)
  }
  // Nobody needs a part of these files, and one that is not there would be an error of ours.
  await app.register(files, { root: folder, serve: false, cacheControl: false, dotfiles: 'deny', acceptRanges: false })
  app.get('/*', async (request, reply) => {
    const name = await nameOf(folder, request)
    const cached = hashed.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache'
    return page(reply, provider).header('cache-control', cached).sendFile(name)
  })
}

/** The file that a request is answered with. */
async function nameOf(folder: string, request: FastifyRequest): Promise<string> {
  const target = request.raw.url ?? '/'
  requirePlainTarget(target)
  const [path = '/'] = target.split('?', 1)
  const name = decodeURIComponent(path).slice(1)
  const isHidden = /(^|\/)\./.test(name)
  if (!apiPaths.test(name)) {
    if (!isHidden && (await isFile(join(folder, name)))) return name
    if (name === '' || request.headers.accept?.includes('text/html')) return 'index.html'
  }
  throw new ServiceError('NOT_FOUND', 'there is nothing here')
}

function page(reply: FastifyReply, { issuer }: Serving['provider']): FastifyReply {
  return reply.headers({
    'content-security-policy': pagePolicy([new URL(issuer).origin]),
    'cross-origin-opener-policy': 'same-origin',
    'x-frame-options': 'DENY',
  })
}

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ENAMETOOLONG') return undefined
    throw error
  })
  return found?.isFile() ?? false
}
