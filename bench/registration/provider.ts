/** The peer: oidc-provider in memory, with its own registration and registration management. */
import { servePeer } from '../token/peer.ts'

const [initialAccessToken = ''] = process.argv.slice(2)

servePeer('/reg', {
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  features: {
    registration: { enabled: true, initialAccessToken },
    registrationManagement: { enabled: true, rotateRegistrationAccessToken: false },
  },
})
