/** For tests of what stands outside this package: the identity provider as others meet it. */
export { counting } from '../src/expiry/count.ts'
export { beginning, takeBatch, tellOfExpiring } from '../src/expiry/tell.ts'
export { type UserAgent, userAgent } from './oidc/user-agent.ts'
export { type Rekey, startRekey, user } from './process.ts'
