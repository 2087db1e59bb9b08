import { Banner } from '../connection/Banner.tsx'
import type { App, Dialog } from './app.ts'
import { Notices } from './Notices.tsx'
import { ConfirmDialog, Door, EmojiPicker, HelpDialog, KeyDialog, Landing, MemberDialog, MoveDialog, OutlawsDialog, RenameDialog, RoomDialog, RoomView, SearchDialog, SwitchDialog } from './views.ts'

export function AppView({ app }: { app: App }) {
  return (
    <>
      <div class="banners">
        <Banner app={app} />
        <Notices app={app} />
      </div>
      <Page app={app} />
      <Dialogs app={app} />
      <News app={app} />
    </>
  )
}

/** What is new, said once; the log itself keeps silent. */
function News({ app }: { app: App }) {
  return <div class="vh" aria-live="polite" data-said>{app.attention.said.value}</div>
}

function Page({ app }: { app: App }) {
  const route = app.route.value
  if (route.page === 'landing') return <Landing app={app} />
  const room = app.active.value
  if (!room) return <Door key={route.code} app={app} code={route.code} />
  const phase = room.phase.value
  const refused = phase.at === 'door' ? phase.failure : phase.at === 'joining' ? phase.after : undefined
  return refused ? <Door key={route.code} app={app} code={route.code} failure={refused} until={phase.at === 'door' ? phase.until : undefined} busy={phase.at === 'joining'} /> : <RoomView app={app} room={room} />
}

function Dialogs({ app }: { app: App }) {
  const opening = app.dialog.value
  // What a dialog does may open the next; and of the one before the browser may tell only now that it is closed.
  return opening ? <Shown key={opening} app={app} dialog={opening.show} close={() => app.shut(opening)} /> : null
}

function Shown({ app, dialog, close }: { app: App; dialog: Dialog; close: () => void }) {
  const room = app.active.value
  if (typeof dialog === 'object') {
    if ('emoji' in dialog) return <EmojiPicker store={app.store} pick={dialog.emoji} close={close} />
    if ('ask' in dialog) return <ConfirmDialog {...dialog} close={close} />
    return room && 'member' in dialog ? <MemberDialog app={app} room={room} who={dialog.member} close={close} /> : null
  }
  switch (dialog) {
    case 'room': return room ? <RoomDialog app={app} room={room} close={close} /> : null
    case 'search': return room ? <SearchDialog app={app} room={room} close={close} /> : null
    case 'outlaws': return room ? <OutlawsDialog app={app} room={room} close={close} /> : null
    case 'key': return room ? <KeyDialog app={app} room={room} close={close} /> : null
    case 'move': return <MoveDialog app={app} close={close} />
    case 'rename': return room ? <RenameDialog app={app} room={room} close={close} /> : null
    case 'switch': return <SwitchDialog app={app} close={close} />
    case 'keys':
    case 'help': return <HelpDialog close={close} />
    default: return null
  }
}
