/** APIs that an estate does not start, and a whole estate as a person starts one, for tests of other packages too. */
export { cachingApi } from './break-glass/caching-api.ts'
export { pollingApi } from './runbooks/polling-api.ts'
export { Place, type Up } from './up.ts'
