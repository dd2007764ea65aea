"""The strands: ten directions of taste that run through films, albums, games and books alike.

A strand owns its tags (no tag belongs to two strands), so the tags of a work say to whom it appeals. It also lends the
words that its titles and descriptions are made of.
"""

from __future__ import annotations

from dataclasses import dataclass

CATEGORIES = ("film", "album", "game", "book")


@dataclass(frozen=True)
class Strand:
    """One direction of taste.

    `genres` holds the genre tags by category and `themes` the tags that any category may carry. The words are written
    in lower case, nouns in the singular; `places` are proper names, `figures` and `deeds` make "<figure> who <deed>".
    """

    genres: dict[str, tuple[str, ...]]
    themes: tuple[str, ...]
    adjectives: tuple[str, ...]
    nouns: tuple[str, ...]
    places: tuple[str, ...]
    figures: tuple[str, ...]
    deeds: tuple[str, ...]


def words(text: str) -> tuple[str, ...]:
    """The parts of a list written with commas."""
    return tuple(word.strip() for word in text.split(","))


def _genres(film: str, album: str, game: str, book: str) -> dict[str, tuple[str, ...]]:
    return {"film": words(film), "album": words(album), "game": words(game), "book": words(book)}


STRANDS = (
    Strand(
        genres=_genres(
            "science fiction, space opera",
            "synthwave, space ambient",
            "space simulation, 4X strategy",
            "hard science fiction, cyberpunk",
        ),
        themes=words("space, machines, far futures"),
        adjectives=words("distant, silent, electric, weightless, stellar, binary, frozen, orbital, luminous, parallel"),
        nouns=words(
            "signal, orbit, engine, colony, beacon, satellite, horizon, machine, comet, voyager, reactor, antenna, "
            "eclipse, airlock, meridian, cosmonaut"
        ),
        places=words("Callisto, Kepler Station, Nova Arden, Titan, Orison Gate, the Far Belt, Port Ceres, Vega"),
        figures=words(
            "a retired pilot, a ship's cook, an android with a borrowed name, the last navigator, a radio engineer, "
            "a botanist on a dying station"
        ),
        deeds=words(
            "answers a call from a dead moon, wakes forty years too early, smuggles a garden past the blockade, "
            "teaches a machine to grieve, finds a second sun on the old charts, must choose who goes home"
        ),
    ),
    Strand(
        genres=_genres("crime, neo-noir", "trip hop, dark jazz", "detective, stealth", "crime fiction, whodunit"),
        themes=words("secrets, night, city life"),
        adjectives=words("crooked, smoky, hidden, guilty, midnight, bitter, nameless, velvet, forged, double"),
        nouns=words(
            "alibi, witness, ledger, alley, verdict, stranger, informant, cigarette, motive, shadow, lock, bribe, "
            "photograph, confession, key, debt"
        ),
        places=words(
            "Harrow Street, Calder Row, the Lantern District, Quayside, Saint Orlo, Black Mill, Pier Nine, "
            "Marlowe Court"
        ),
        figures=words(
            "a disgraced inspector, a night porter, a forger with a conscience, a court reporter, the mayor's driver, "
            "an insurance clerk"
        ),
        deeds=words(
            "recognises the victim, is paid to lose a file, follows the wrong woman home, finds a body in the archive, "
            "has one night to clear a friend, remembers what everyone agreed to forget"
        ),
    ),
    Strand(
        genres=_genres(
            "romance, family drama", "soul, acoustic pop", "life simulation, farming", "love stories, family saga"
        ),
        themes=words("love, home, friendship"),
        adjectives=words("tender, sunlit, gentle, golden, borrowed, honest, late, warm, faithful, small"),
        nouns=words(
            "kitchen, letter, garden, summer, porch, wedding, orchard, sister, kiss, quilt, promise, neighbour, "
            "bakery, window, daughter, valentine"
        ),
        places=words(
            "Maple Lane, Willowbrook, Larkfield, Rosehill, Appleby Green, Honey Creek, Sunday Harbour, Primrose Bay"
        ),
        figures=words(
            "a widowed baker, a jealous florist, an estranged sister, a piano teacher, the new vet, a wedding planner"
        ),
        deeds=words(
            "opens a box of old letters, agrees to one last summer, inherits half a bakery, "
            "answers the wrong invitation, learns to share a kitchen, comes home for the harvest"
        ),
    ),
    Strand(
        genres=_genres(
            "fantasy, fairy tale",
            "symphonic metal, medieval folk",
            "role-playing, dungeon crawler",
            "epic fantasy, folk tales",
        ),
        themes=words("magic, quests, dragons"),
        adjectives=words("ancient, enchanted, thorned, crowned, silver, wandering, sworn, emerald, fallen, sleeping"),
        nouns=words(
            "dragon, crown, sorcerer, oath, sword, tower, raven, throne, rune, giant, kingdom, lantern, spell, "
            "griffin, amulet, queen"
        ),
        places=words(
            "Eldermoor, Thornwall, the Amber Court, Vaelor, Ravenmere, Highgarth, the Singing Wood, Oldenspire"
        ),
        figures=words(
            "a clumsy apprentice, the youngest of seven princes, a knight without a lord, a hedge witch, "
            "a thief of spells, an exiled queen"
        ),
        deeds=words(
            "wakes the wrong dragon, must carry a crown over the mountains, bargains with the river king, "
            "steals back a stolen name, breaks the oath that held the wall, speaks to ravens"
        ),
    ),
    Strand(
        genres=_genres(
            "horror, ghost story",
            "doom metal, dark ambient",
            "survival horror, psychological horror",
            "gothic fiction, weird tales",
        ),
        themes=words("ghosts, isolation, curses"),
        adjectives=words("hollow, buried, restless, pale, crawling, rotten, whispering, unholy, drowned, sleepless"),
        nouns=words(
            "cellar, coffin, séance, mirror, doll, crypt, scream, attic, bone, howl, chapel, wound, nightmare, moth, "
            "gravedigger, threshold"
        ),
        places=words(
            "Gallows End, Blackthorn House, Ashgrave, Saint Mordant, Cold Hollow, Wexley Asylum, Dunmarrow, Crow Point"
        ),
        figures=words(
            "a night nurse, a sleepless governess, an undertaker's son, a family of five, a lighthouse keeper, "
            "a student of old bells"
        ),
        deeds=words(
            "hears footsteps under the floor, buys a house with one door too many, is followed by a lullaby, "
            "should not have opened the chapel, counts one guest too many, reads a familiar name on a grave"
        ),
    ),
    Strand(
        genres=_genres(
            "nature documentary, western",
            "folk, americana",
            "exploration, walking simulator",
            "travel writing, nature writing",
        ),
        themes=words("wilderness, journeys, seafaring"),
        adjectives=words("wild, northern, dusty, barefoot, salt, open, winding, roaming, stony, windblown"),
        nouns=words(
            "river, canyon, trail, heron, saddle, glacier, tide, meadow, campfire, mountain, otter, caravan, prairie, "
            "compass, harbour, wolf"
        ),
        places=words(
            "Red Mesa, the Skerries, Juniper Pass, Lake Osha, Cape Farrow, Long Valley, the High Steppe, Pine Ridge"
        ),
        figures=words(
            "a ferryman, a mapmaker on foot, an old drover, a salmon biologist, a lone sailor, a girl with a mule"
        ),
        deeds=words(
            "crosses the pass in winter, walks the whole coast, tracks the last wolf of the valley, "
            "rides west after the last train, rows out to the birds, follows a river to its spring"
        ),
    ),
    Strand(
        genres=_genres("comedy, satire", "indie pop, funk", "party, platformer", "humour, comic novel"),
        themes=words("misfits, absurdity, mischief"),
        adjectives=words("ridiculous, wobbly, polite, unlucky, cheerful, clumsy, fabulous, spotted, accidental, loud"),
        nouns=words(
            "penguin, umbrella, sandwich, bicycle, trombone, cousin, pyjama, pickle, goose, moustache, accordion, "
            "pancake, butler, parade, sock, karaoke"
        ),
        places=words(
            "Bumbleton, Lower Piddock, the Grand Biscuit Hotel, Little Wobbling, Pigeon Square, Custard Bay, "
            "Noodle Street, Upper Mumble"
        ),
        figures=words(
            "a very honest liar, a goose with opinions, the worst waiter in town, an accidental mayor, "
            "an unemployed clown, a nervous magician"
        ),
        deeds=words(
            "enters the wrong talent show, mislays a wedding cake, declares a car park independent, "
            "is mistaken for royalty, rents out the same flat twice, starts a parade by mistake"
        ),
    ),
    Strand(
        genres=_genres(
            "historical drama, war",
            "classical, chamber music",
            "grand strategy, turn-based tactics",
            "historical fiction, biography",
        ),
        themes=words("empire, revolution, memory"),
        adjectives=words("imperial, marble, forgotten, royal, besieged, bronze, solemn, exiled, victorious, iron"),
        nouns=words(
            "banner, regiment, treaty, cathedral, general, drummer, siege, archive, empress, medal, trench, envoy, "
            "portrait, republic, lancer, manuscript"
        ),
        places=words("Aldenburg, Castile, Danzig, Sevastra, Old Prague, Trebizond, the Winter Palace, Fort Lyon"),
        figures=words(
            "a court painter, a deserting drummer, the emperor's cook, a cipher clerk, a field surgeon, "
            "a young archivist"
        ),
        deeds=words(
            "carries a treaty through the lines, outlives three kings, paints the wrong victory, "
            "breaks the siege by letter, hides the library from the army, sails home after the armistice"
        ),
    ),
    Strand(
        genres=_genres("action, heist", "hip hop, drum and bass", "shooter, racing", "thriller, spy fiction"),
        themes=words("speed, rivalry, survival"),
        adjectives=words("relentless, burning, reckless, maximum, rogue, lethal, rapid, chrome, final, fearless"),
        nouns=words(
            "bullet, pursuit, getaway, champion, convoy, explosion, rival, sniper, turbo, vault, striker, ambush, "
            "detonator, hostage, sprint, mercenary"
        ),
        places=words("Sector Seven, Monte Rosso, Neon Bay, Harbour Nine, Zero Point, Macao, Redline City, Fort Vandal"),
        figures=words(
            "a getaway driver, a boxer out of time, a double agent, a safecracker, the fastest courier in town, "
            "a bodyguard"
        ),
        deeds=words(
            "has ninety minutes to cross the city, robs a better thief, takes one last job, races a train, "
            "wakes up on the wrong side, breaks into the vault twice"
        ),
    ),
    Strand(
        genres=_genres(
            "art house, slow cinema",
            "modern jazz, minimalism",
            "puzzle, narrative adventure",
            "literary fiction, poetry",
        ),
        themes=words("solitude, dreams, ideas"),
        adjectives=words("quiet, transparent, unfinished, patient, invisible, paper, slow, blue, imaginary, empty"),
        nouns=words(
            "room, cloud, question, staircase, mirage, metronome, puzzle, sentence, museum, pause, labyrinth, feather, "
            "theorem, echo, drawing, afternoon"
        ),
        places=words(
            "Lisbon, the Glass Museum, Rue Morande, the Unlit Library, Kyoto, Room Twelve, Isola Bianca, the White Page"
        ),
        figures=words(
            "a translator, a clockmaker without clocks, a stranger on a night train, a composer of silences, "
            "a museum guard, a painter of doors"
        ),
        deeds=words(
            "spends a year in one room, loses a single word, dreams somebody else's dreams, "
            "writes letters to the sea, waits for an answer, maps a city from memory"
        ),
    ),
)

TAGS: dict[str, int] = {
    tag: index
    for index, strand in enumerate(STRANDS)
    for tag in (*(tag for tags in strand.genres.values() for tag in tags), *strand.themes)
}
"""Every tag and the index of the strand that owns it."""
