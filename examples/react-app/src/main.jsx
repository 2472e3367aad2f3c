import { createRoot } from 'react-dom/client'
import { DaypassProvider, useDaypass, useFetched } from './daypass.jsx'

const { VITE_DAYPASS_URL: url = 'http://localhost:8080', VITE_API: api = 'http://localhost:8000' } = import.meta.env

function Photo() {
  const { status, text, error } = useFetched(`${api}/photos/7`)
  return <pre>{error ? error.message : `${status ?? '…'} ${text ?? ''}`}</pre>
}

function App() {
  const { daypass, subject, reason } = useDaypass()
  if (subject) {
    return (
      <main>
        <p>{subject}</p>
        <Photo />
        <button onClick={() => daypass.logout()}>Log out</button>
      </main>
    )
  }
  return (
    <form action={(data) => daypass.use(data.get('pass'))}>
      {reason && <p role="alert">{reason}</p>}
      <label>
        Pass <input name="pass" type="password" autoComplete="off" required />
      </label>
      <button>Log in</button>
    </form>
  )
}

createRoot(document.getElementById('root')).render(
  <DaypassProvider url={url} origins={[api]}>
    <App />
  </DaypassProvider>,
)
