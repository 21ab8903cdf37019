/**
 * An identity provider that is not Rekey's: oidc-provider in a process of its own. Its keys are in `state.json` of the
 * current folder, the first of them signs, and SIGHUP has it look again: then it is made anew over the same store.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type AdapterConstructor, type ClientMetadata, Provider } from 'oidc-provider'
import { forgetTokens, StoredTokens } from './tokens.ts'

interface State {
  keys: { jwk: object }[]
  endedBefore: Record<string, string>
}

const audience = 'urn:example:api'
const secret = process.env.CLIENT_SECRET
const client = (id: string): ClientMetadata => ({
  client_id: id,
  client_secret: secret,
  token_endpoint_auth_method: 'client_secret_basic',
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  id_token_signed_response_alg: 'ES256',
})

function made(issuer: string): RequestListener {
  const { keys, endedBefore }: State = JSON.parse(readFileSync('state.json', 'utf8'))
  forgetTokens(endedBefore)
  const provider = new Provider(issuer, {
    // It keeps what this program needs, and has no more functions than those.
    adapter: StoredTokens as unknown as AdapterConstructor,
    clients: ['agent-7', 'agent-8', 'rekey-probe'].map(client),
    jwks: { keys: keys.map(({ jwk }) => jwk) },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: 'hello',
          audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 3_600,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  })
  provider.on('server_error', (_context, error) => process.stderr.write(`${error.stack}\n`))
  return provider.callback()
}

const server = createServer((request, response) => handle(request, response))
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1')
await new Promise((resolve) => server.once('listening', resolve))
const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
let handle = made(issuer)
process.on('SIGHUP', () => {
  handle = made(issuer)
})
// Whoever started it is gone.
process.stdin.on('end', () => process.exit()).resume()
writeFileSync('idp.pid', `${process.pid}\n`)
process.stdout.write(`${issuer}\n`)
