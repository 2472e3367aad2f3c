import { expect, test } from 'vitest'
import { knownScopes, routesOf, sample } from './routes'

const file = {
  hosts: ['*.photos.example'],
  resources: [
    { match: 'GET /photos/public/**', access: 'public' },
    { match: 'GET,POST /photos/{id}/*.jpg', require: { scopes: ['photos:read', 'photos:write'], roles: 'consumer' } },
    { match: 'ANY /graphql', graphql: { query: 'public' } },
    { match: 'nonsense' },
    7,
  ],
}

test('the rules of a file, and a request for each', () => {
  const routes = routesOf({ audience: 'acme/photos', slug: 'photos' }, file)
  expect(routes.map(({ methods, path, access }) => [methods, path, access])).toEqual([
    ['GET', '/photos/public/**', 'public'],
    ['GET,POST', '/photos/{id}/*.jpg', 'require'],
    ['ANY', '/graphql', 'graphql'],
  ])
  expect(routes[1]).toMatchObject({ scopes: ['photos:read', 'photos:write'], roles: ['consumer'] })
  expect(routes.map(sample)).toEqual([
    { method: 'GET', host: 'any.photos.example', path: '/photos/public/1', url: 'https://any.photos.example/photos/public/1' },
    { method: 'GET', host: 'any.photos.example', path: '/photos/1/1.jpg', url: 'https://any.photos.example/photos/1/1.jpg' },
    { method: 'GET', host: 'any.photos.example', path: '/graphql', url: 'https://any.photos.example/graphql' },
  ])
  expect(knownScopes(routes)).toEqual(['photos:*', 'photos:read', 'photos:write'])
  expect(routesOf({ audience: 'acme/photos', slug: 'photos' }, 'a text')).toEqual([])
})
