// Emoji by their common short names. Loaded when the first colon is typed.
const words = `
smile 😄 smiley 😃 grin 😁 grinning 😀 laughing 😆 joy 😂 rofl 🤣 sweat_smile 😅 slight_smile 🙂 upside_down 🙃 wink 😉 blush 😊 innocent 😇
heart_eyes 😍 star_struck 🤩 kissing_heart 😘 yum 😋 stuck_out_tongue 😛 zany 🤪 money_mouth 🤑 hugs 🤗 shushing 🤫 thinking 🤔 zipper_mouth 🤐
raised_eyebrow 🤨 neutral 😐 expressionless 😑 smirk 😏 unamused 😒 rolling_eyes 🙄 grimacing 😬 relieved 😌 pensive 😔 sleepy 😪 sleeping 😴 mask 😷
nauseated 🤢 sneezing 🤧 hot 🥵 cold 🥶 dizzy 😵 exploding_head 🤯 cowboy 🤠 partying 🥳 sunglasses 😎 nerd 🤓 confused 😕 worried 😟 frowning 🙁
open_mouth 😮 astonished 😲 flushed 😳 pleading 🥺 anguished 😧 fearful 😨 cold_sweat 😰 cry 😢 sob 😭 scream 😱 disappointed 😞 sweat 😓 weary 😩 tired 😫
yawning 🥱 triumph 😤 rage 😡 angry 😠 smiling_imp 😈 skull 💀 poop 💩 clown 🤡 ghost 👻 alien 👽 robot 🤖 cat 🐱 dog 🐶 see_no_evil 🙈 hear_no_evil 🙉 speak_no_evil 🙊
heart ❤️ orange_heart 🧡 yellow_heart 💛 green_heart 💚 blue_heart 💙 purple_heart 💜 black_heart 🖤 white_heart 🤍 broken_heart 💔 sparkling_heart 💖 kiss 💋 100 💯 boom 💥 sweat_drops 💦 dash 💨 zzz 💤
wave 👋 raised_hand ✋ vulcan 🖖 ok_hand 👌 pinched_fingers 🤌 v ✌️ crossed_fingers 🤞 metal 🤘 call_me 🤙 point_left 👈 point_right 👉 point_up 👆 point_down 👇
thumbsup 👍 +1 👍 thumbsdown 👎 -1 👎 fist ✊ punch 👊 clap 👏 raised_hands 🙌 open_hands 👐 handshake 🤝 pray 🙏 writing_hand ✍️ muscle 💪 brain 🧠 eyes 👀 eye 👁️ tongue 👅 ear 👂
baby 👶 person 🧑 shrug 🤷 facepalm 🤦 bow 🙇 dancer 💃 runner 🏃 family 👪 monkey 🐒 fox 🦊 bear 🐻 panda 🐼 koala 🐨 tiger 🐯 lion 🦁 cow 🐮 pig 🐷 frog 🐸 chicken 🐔 penguin 🐧 bird 🐦 owl 🦉 wolf 🐺 unicorn 🦄 bee 🐝
bug 🐛 butterfly 🦋 snail 🐌 turtle 🐢 snake 🐍 octopus 🐙 fish 🐟 dolphin 🐬 whale 🐳 shark 🦈 rose 🌹 tulip 🌷 sunflower 🌻 blossom 🌼 seedling 🌱 tree 🌳 cactus 🌵 leaves 🍃 maple_leaf 🍁 mushroom 🍄
sun ☀️ moon 🌙 star ⭐ sparkles ✨ zap ⚡ fire 🔥 rainbow 🌈 cloud ☁️ rain 🌧️ snowflake ❄️ snowman ⛄ umbrella ☔ ocean 🌊 earth 🌍
apple 🍎 banana 🍌 grapes 🍇 watermelon 🍉 strawberry 🍓 cherries 🍒 peach 🍑 lemon 🍋 avocado 🥑 tomato 🍅 carrot 🥕 corn 🌽 bread 🍞 croissant 🥐 cheese 🧀 egg 🥚 pancakes 🥞 bacon 🥓 burger 🍔 fries 🍟 pizza 🍕 taco 🌮 sushi 🍣 ramen 🍜 ice_cream 🍨 doughnut 🍩 cookie 🍪 cake 🍰 birthday 🎂 chocolate 🍫 popcorn 🍿
coffee ☕ tea 🍵 beer 🍺 beers 🍻 champagne 🍾 wine 🍷 cocktail 🍸 soccer ⚽ basketball 🏀 football 🏈 tennis 🎾 medal 🏅 trophy 🏆 dart 🎯 game 🎮 dice 🎲 puzzle 🧩 chess ♟️ art 🎨 musical_note 🎵 guitar 🎸 microphone 🎤 headphones 🎧 movie 🎬
car 🚗 bus 🚌 train 🚆 bike 🚲 airplane ✈️ rocket 🚀 ship 🚢 anchor ⚓ house 🏠 tent ⛺ camping 🏕️ mountain ⛰️ beach 🏖️ map 🗺️ compass 🧭 luggage 🧳
tada 🎉 confetti 🎊 balloon 🎈 gift 🎁 bell 🔔 bulb 💡 candle 🕯️ book 📖 books 📚 newspaper 📰 pencil ✏️ memo 📝 pin 📌 paperclip 📎 scissors ✂️ lock 🔒 key 🔑 hammer 🔨 wrench 🔧 gear ⚙️ link 🔗 magnet 🧲 microscope 🔬 telescope 🔭
phone 📱 laptop 💻 computer 🖥️ keyboard ⌨️ camera 📷 tv 📺 battery 🔋 plug 🔌 mail ✉️ package 📦 calendar 📅 chart 📈 mag 🔍 hourglass ⌛ watch ⌚ alarm ⏰ stopwatch ⏱️ money 💰 gem 💎
check ✅ x ❌ warning ⚠️ question ❓ exclamation ❗ no_entry ⛔ recycle ♻️ white_flag 🏳️ checkered_flag 🏁 arrow_up ⬆️ arrow_down ⬇️ arrow_left ⬅️ arrow_right ➡️ infinity ♾️ peace ☮️`.trim().split(/\s+/)

export const emoji: ReadonlyArray<readonly [code: string, emoji: string]> = Array.from({ length: words.length / 2 }, (_, i) => [words[2 * i]!, words[2 * i + 1]!] as const)
