/** For tests of what stands outside this package: the identity provider as others meet it. */
export { type UserAgent, userAgent } from './oidc/user-agent.ts'
export { type Rekey, startRekey, user } from './process.ts'
