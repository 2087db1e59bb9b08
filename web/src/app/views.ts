// The views that are chunks of their own: nobody needs all of them to begin. They
// are loaded from here, the entry, alone: a chunk that loaded another would have the
// first style sheet put in once more, after those that refine it.
import '../landing/NameField.tsx' // here, not in a chunk that would be asked for only after the one that needs it
import { later } from '../parts/later.tsx'
import '../theme/Switches.tsx'

export const Landing = later(() => import('../landing/Landing.tsx').then(chunk => chunk.Landing))
export const Door = later(() => import('../landing/Door.tsx').then(chunk => chunk.Door))
export const RoomView = later(() => import('../rooms/RoomView.tsx').then(chunk => chunk.RoomView))
export const Actions = later(() => import('../log/Actions.tsx').then(chunk => chunk.Actions))
export const RenameDialog = later(() => import('../rooms/RenameDialog.tsx').then(chunk => chunk.RenameDialog))
export const SwitchDialog = later(() => import('../rooms/SwitchDialog.tsx').then(chunk => chunk.SwitchDialog))
export const RoomDialog = later(() => import('../rooms/RoomDialog.tsx').then(chunk => chunk.RoomDialog))
export const SearchDialog = later(() => import('../log/SearchDialog.tsx').then(chunk => chunk.SearchDialog))
export const ConfirmDialog = later(() => import('../parts/ConfirmDialog.tsx').then(chunk => chunk.ConfirmDialog))
export const EmojiPicker = later(() => import('../composer/EmojiPicker.tsx').then(chunk => chunk.EmojiPicker))
export const MemberDialog = later(() => import('../moderation/MemberDialog.tsx').then(chunk => chunk.MemberDialog))
export const OutlawsDialog = later(() => import('../moderation/OutlawsDialog.tsx').then(chunk => chunk.OutlawsDialog))
export const KeyDialog = later(() => import('../rooms/KeyDialog.tsx').then(chunk => chunk.KeyDialog))
export const MoveDialog = later(() => import('../identity/MoveDialog.tsx').then(chunk => chunk.MoveDialog))
export const TakeOver = later(() => import('../identity/TakeOver.tsx').then(chunk => chunk.TakeOver))
export const HelpDialog = later(() => import('./HelpDialog.tsx').then(chunk => chunk.HelpDialog))

/** Fetches what is shown first. */
export function fetchFirst(page: 'landing' | 'room'): void {
  if (page === 'landing') Landing.start()
  else Door.start()
}

/** Fetches the rest when there is time: the next page is shown at once, and without a connection, too. */
export function fetchRest(): void {
  for (const view of [RoomView, Landing, Door, Actions, RenameDialog, SwitchDialog, HelpDialog, RoomDialog, SearchDialog, ConfirmDialog, EmojiPicker, MemberDialog, OutlawsDialog, KeyDialog, MoveDialog, TakeOver]) view.start()
}
