import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, beforeEach } from 'node:test'
import type { Jwk } from '../src/index.ts'

/** A service that serves its `jwks.json` while it is up, at DCR_JWKS_URI of its `env` once it is open. */
export function keyService(folder: () => string) {
  const server = createServer(async (_, response) => {
    if (!service.isUp) return response.writeHead(503).end()
    response.end(service.cached ?? (await readFile(service.file())))
  })
  const service = {
    isUp: true,
    /** What it serves in place of the file, as one that read it long ago. */
    cached: undefined as string | undefined,
    env: {} as Record<string, string>,
    file: () => join(folder(), 'jwks.json'),
    written: async (): Promise<Jwk[]> => JSON.parse(await readFile(service.file(), 'utf8')).keys,
    async open() {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as AddressInfo
      service.env = { DCR_JWKS_URI: `http://127.0.0.1:${port}/jwks.json` }
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
  return service
}

/** One such service for the suite that calls this. */
export function servingKeys(folder: () => string) {
  const service = keyService(folder)
  before(() => service.open())
  after(() => service.close())
  beforeEach(() => {
    service.isUp = true
    service.cached = undefined
  })
  return service
}
