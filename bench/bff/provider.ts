/** An identity provider at which everybody is logged in at once, so that sessions begin by real logins. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Provider } from 'oidc-provider'

const {
  PORT: port,
  CLIENT_ID: clientId = '',
  CLIENT_SECRET: clientSecret = '',
  REDIRECT_URI: redirectUri = '',
} = process.env
const anHour = 3_600
let users = 0

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] }],
  cookies: { keys: ['bench'] },
  features: { devInteractions: { enabled: false } },
  findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
  ttl: { AccessToken: anHour, IdToken: anHour, Session: anHour, Grant: anHour, Interaction: anHour },
})

const server = createServer((request, response) => {
  if (request.url?.startsWith('/interaction/')) void logIn(request, response).catch((error) => response.destroy(error))
  else provider.callback()(request, response)
})
server.listen(Number(port), '127.0.0.1')
// Who started it holds a channel to it.
process.once('disconnect', () => process.exit())

async function logIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { params } = await provider.interactionDetails(request, response)
  users += 1
  const accountId = `user-${users}`
  const grant = new provider.Grant({ accountId, clientId })
  grant.addOIDCScope(String(params.scope))
  const said = { login: { accountId }, consent: { grantId: await grant.save() } }
  await provider.interactionFinished(request, response, said, { mergeWithLastSubmission: false })
}
